/** How many connections a database takes, and how many an environment may open. */
import { type ServiceName, settings, usesStore } from '../../services/manifest.ts';

/** Memory of `t`, `m` and `r` classes by size, in GiB; `r` has twice as much per CPU. https://aws.amazon.com/rds/instance-types/ */
const memoryGib: Readonly<Record<string, number>> = {
  micro: 1,
  small: 2,
  medium: 4,
  large: 8,
  xlarge: 16,
  '2xlarge': 32,
  '4xlarge': 64,
};

/**
 * RDS's default for PostgreSQL is memory / 9,531,392, at most 5,000. It counts what is left beside the system, so this is
 * an upper bound: what is above it surely fails.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
 *
 * @returns undefined for a class whose memory is not known here
 */
export function connectionsOf(instanceClass: string): number | undefined {
  const [, family = '', size = ''] = instanceClass.split('.');
  const gib = memoryGib[size];
  if (gib === undefined) return undefined;
  const bytes = gib * (family.startsWith('r') ? 2 : 1) * 1024 ** 3;
  return Math.min(5000, Math.floor(bytes / 9_531_392));
}

/** Connections of all replicas at their most. */
export function connectionsAsked(
  tiers: Readonly<Partial<Record<ServiceName, readonly { readonly replicas: { readonly max: number } }[]>>>,
): { readonly replicas: number; readonly each: number } {
  const replicas = (Object.keys(tiers) as ServiceName[])
    .filter((name) => usesStore(name, 'postgres'))
    .flatMap((name) => tiers[name] ?? [])
    .reduce((sum, placement) => sum + placement.replicas.max, 0);
  return { replicas, each: Number(settings.DATABASE_CONNECTIONS_MAX.default) };
}
