/** Keys of tiers for tests: one pair for each caller, the same in a whole run of a file. */

import { newPrivateKey, publicKeys } from '../../local/stores/key-pair.ts';
import { type ServiceName, serviceNames, signersOf } from '../../services/manifest.ts';
import { createSigner, createVerifier } from '../../services/shared/auth/service-token.ts';

const privateKeys = Object.fromEntries(signersOf(serviceNames).map((name) => [name, newPrivateKey()]));

/** Value of the caller's SERVICE_TOKEN_PRIVATE_KEY. */
export const privateKeyOf = (caller: ServiceName): string => privateKeys[caller] as string;
/** Value of SERVICE_TOKEN_PUBLIC_KEYS. */
export const allPublicKeys = publicKeys(privateKeys);

export const signerOf = (caller: ServiceName) => createSigner(caller, privateKeyOf(caller));
export const verifier = () => createVerifier('vectorstore', allPublicKeys);
