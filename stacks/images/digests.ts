import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { placeholderDigest } from '../../constructs/tier/placeholder.ts';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';

/** The pinned image of each service: `images.<env>.json`, written by `npm run images -- --push <env>`. */
export type Images = Readonly<Record<ServiceName, string>>;

// A service that has no image yet can be looked at, not deployed.
const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be a digest: sha256: and 64 hexadecimal digits')
  .default(placeholderDigest);
const imagesSchema = z.strictObject(
  Object.fromEntries(serviceNames.map((name) => [name, digest])) as Record<ServiceName, typeof digest>,
);

/** @throws Error naming the file and every fault in it. */
export function readImages(environment: string, folder = new URL('../../environments/', import.meta.url)): Images {
  const file = new URL(`images.${environment}.json`, folder);
  if (!existsSync(file))
    throw new Error(
      `images.${environment}.json is missing beside the environment: run npm run images -- --push ${environment}`,
    );
  const result = imagesSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (result.success) return result.data;
  throw new Error(`images.${environment}.json is not valid:\n${z.prettifyError(result.error)}`);
}
