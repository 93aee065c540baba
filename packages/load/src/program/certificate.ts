import { generate } from 'selfsigned'

/** A private key and its certificate, both in PEM. */
export interface Certificate {
  key: string
  cert: string
}

/** Creates a key and a certificate for `localhost` and `127.0.0.1` that also serves as its own `ca`. */
export async function createCertificate(): Promise<Certificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { key, cert }
}
