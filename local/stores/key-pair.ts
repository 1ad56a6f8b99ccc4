/** Ed25519 keys of the tiers that call others, as settings hold them: PEM in one line, which every kind of file carries. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { ServiceName } from '../../services/manifest.ts';

/** A new private key, PKCS#8. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return oneLine(privateKey);
}

/** Value of SERVICE_TOKEN_PUBLIC_KEYS. @param privateKeys of each caller */
export function publicKeys(privateKeys: Readonly<Partial<Record<ServiceName, string>>>): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(privateKeys).map(([caller, key]) => [caller, publicKeyOf(key)])),
  );
}

function publicKeyOf(privateKey: string): string {
  // Node wants the lines that the setting has not.
  const der = Buffer.from(privateKey.replace(/-----[A-Z ]+-----/g, ''), 'base64');
  const key = createPublicKey({ key: der, format: 'der', type: 'pkcs8' } as never);
  return oneLine(key.export({ type: 'spki', format: 'pem' }) as string);
}

const oneLine = (pem: string): string => pem.replaceAll('\n', '');
