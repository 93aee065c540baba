release = File.read(ENV.fetch('RELEASE')).strip
raise 'a release that throws at its start' if release == 'throws'

started = Process.clock_gettime(Process::CLOCK_MONOTONIC)

run(lambda do |env|
  bad = release == 'turns-bad' && Process.clock_gettime(Process::CLOCK_MONOTONIC) - started > 2
  body = env['REQUEST_METHOD'] == 'POST' ? env['rack.input'].read : "hello\n"
  headers = { 'content-length' => body.bytesize.to_s, 'x-pid' => Process.pid.to_s, 'x-release' => release }
  [bad ? 500 : 200, headers, [body]]
end)
