/** Secrets that can be rotated, and what that does. Their versions are data: a deploy writes what is not there yet. */
import { z } from 'zod';
import type { ServiceDefinition } from '../../services/definition.ts';

interface Rotation {
  /** Settings that change with it. */
  readonly settings: readonly string[];
  /** What people and tiers notice. */
  readonly effect: string;
}

const alone = (name: string, effect: string): Rotation => ({ settings: [name], effect });
const byHand = 'put the new value first; both values must be valid until the tiers have restarted';

/** What `npm run rotate -- <env> <secret>` knows, by the name it is given. */
export const rotations = {
  DATABASE_URL: {
    settings: ['DATABASE_URL', 'DATABASE_ROLE_PASSWORDS'],
    effect: "every tier's role gets a new password; open connections go on, replicas not yet replaced open no new ones",
  },
  DATABASE_OWNER_URL: alone('DATABASE_OWNER_URL', 'the init step alone uses it; nobody else notices'),
  REDIS_URL: alone(
    'REDIS_URL',
    'ElastiCache takes the old token, too, until the next rotation: rotate a leaked one twice',
  ),
  AUTH_SECRET: alone('AUTH_SECRET', 'everybody signs in again'),
  SERVICE_TOKEN_PRIVATE_KEY: {
    settings: ['SERVICE_TOKEN_PRIVATE_KEY', 'SERVICE_TOKEN_PUBLIC_KEYS'],
    effect: 'calls between old and new replicas are refused until all are replaced: choose a quiet hour',
  },
  GOVERNOR_TOKEN: alone(
    'GOVERNOR_TOKEN',
    'calls between old and new replicas of chat and governor are refused until all are replaced: choose a quiet hour',
  ),
  MODEL_API_KEY: alone('MODEL_API_KEY', byHand),
  MODEL_API_KEYS: alone('MODEL_API_KEYS', byHand),
  RERANK_API_KEY: alone('RERANK_API_KEY', byHand),
  PARSER_API_KEY: alone('PARSER_API_KEY', byHand),
  EMBEDDING_API_KEY: alone('EMBEDDING_API_KEY', byHand),
  EMBEDDING_PREVIOUS_API_KEY: alone('EMBEDDING_PREVIOUS_API_KEY', byHand),
  OIDC_CLIENT_SECRET: alone('OIDC_CLIENT_SECRET', byHand),
  SMTP_URL: alone('SMTP_URL', byHand),
} as const satisfies Record<string, Rotation>;

export type RotatedSecret = keyof typeof rotations;
export const rotatedSecrets = Object.keys(rotations) as RotatedSecret[];

export const secretVersionsSchema = z.partialRecord(z.enum(rotatedSecrets), z.int().min(1));
export type SecretVersions = Readonly<Partial<Record<RotatedSecret, number>>>;

type Read = Pick<ServiceDefinition, 'settings' | 'initStep'>;

/** Whether a tier, or its init step, reads the secret. */
export const readsSecret = ({ settings, initStep }: Read, secret: RotatedSecret): boolean =>
  [...settings, ...(initStep?.settings ?? [])].some((name) =>
    (rotations[secret].settings as readonly string[]).includes(name),
  );

/** How often secrets were rotated: of one tier's, or of all. Replicas that start with another number are new ones. */
export const rotationCount = (versions: SecretVersions, reader?: Read): number =>
  rotatedSecrets
    .filter((secret) => !reader || readsSecret(reader, secret))
    .reduce((sum, secret) => sum + (versions[secret] ?? 1) - 1, 0);
