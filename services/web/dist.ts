/** What the build and the server agree on. */
import path from 'node:path';

/** Where the built page lies. */
export const distFolder = path.join(import.meta.dirname, 'dist');

/** Stands for the nonce of one response in the built page. */
export const noncePlaceholder = '__CSP_NONCE__';
