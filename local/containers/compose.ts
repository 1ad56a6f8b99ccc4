/** An environment as a compose file: the same tiers, limits and edges on one machine, without a cloud account. Pure. */

import { heapFlags } from '../../environments/budget/heap.ts';
import { tmpMiB } from '../../environments/budget/scratch.ts';
import {
  type Environment,
  type Placement,
  placedDefinitions,
  placedServices,
  placementsOf,
} from '../../environments/environment.ts';
import { addressSettings, type Edge, environmentEdges } from '../../environments/wiring/connections.ts';
import { serviceSettings } from '../../environments/wiring/settings.ts';
import {
  databaseRole,
  definitionOf,
  type migration,
  type ServiceName,
  type SettingName,
  settings,
  usesStore,
  variablePart,
} from '../../services/manifest.ts';
import { type Network, networkOf, networksOf, openEdges } from './networks.ts';
import { gatewayService, joined, storeServices } from './parts.ts';
import { fromEnv, limits, locked, resolver, type Service, scratch, shares } from './service.ts';

/** The service that brings the database to the present schema and ends. */
export const migrateService = 'migrate';

export interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, Network>>;
  readonly volumes: Readonly<Record<string, Record<string, never>>>;
}

/** @param passed settings that compose takes from its `.env` file; they beat the environment's own */
export function composeOf(environment: Environment, passed: readonly SettingName[] = []): Compose {
  const edges = openEdges(environment, passed);
  const placed = placedServices(environment);
  const tiers = placed.flatMap((name) =>
    replicasOf(environment, name).map((replica) => [
      replica.name,
      tierService({ environment, passed, tier: name, networks: networksOfTier(name, replica, edges), ...replica }),
    ]),
  );
  const upstreams = placed
    .filter((name) => definitionOf(name).routes.length > 0)
    .map((tier) => [tier, replicasOf(environment, tier).map(({ name }) => `${name}:${definitionOf(tier).port}`)]);
  return {
    name: `bulkhead-${environment.name}`,
    services: {
      ...storeServices(edges),
      ...migrations(environment, passed, edges),
      ...Object.fromEntries(tiers),
      gateway: gatewayService(Object.fromEntries(upstreams), edges),
    },
    networks: networksOf(edges),
    volumes: { postgres: {}, documents: {} },
  };
}

interface Replica {
  /** `chat`, or of several `chat-1`, `chat-2`. */
  readonly name: string;
  readonly placement: Placement;
  readonly alone: boolean;
}

function replicasOf(environment: Environment, tier: ServiceName): Replica[] {
  const placements = placementsOf(environment, tier).flatMap((placement) =>
    Array.from({ length: placement.replicas.min }, () => placement),
  );
  const alone = placements.length === 1;
  return placements.map((placement, index) => ({ name: alone ? tier : `${tier}-${index + 1}`, placement, alone }));
}

/** Both ends of its edges. Several replicas of a called tier answer to the tier's name in turn. */
function networksOfTier(tier: ServiceName, { alone }: Replica, edges: readonly Edge[]): Service['networks'] {
  return Object.fromEntries(
    edges.flatMap((edge) => {
      const network = networkOf(edge);
      const called = 'to' in edge && edge.to === tier;
      if (!network || !(called || ('from' in edge && edge.from === tier))) return [];
      return [[network, called && edge.kind === 'call' && !alone ? { aliases: [tier] } : {}]];
    }),
  );
}

interface TierService {
  readonly environment: Environment;
  readonly passed: readonly SettingName[];
  readonly tier: ServiceName;
  readonly name: string;
  readonly placement: Placement;
  readonly networks: Service['networks'];
}

function tierService({ environment, passed, tier, name, placement, networks }: TierService): Service {
  const { uses, workload } = definitionOf(tier);
  return {
    image: `localhost/bulkhead/${tier}`,
    pull_policy: 'never',
    environment: {
      NODE_OPTIONS: heapFlags(tier, placement.memoryMiB).join(' '),
      ...variables(environment, passed, tier, name, placement),
    },
    ...limits(placement),
    cpu_shares: shares[workload],
    ...(workload !== 'interactive' && { cpuset: fromEnv('SUSTAINED_CPUS') }),
    ...scratch(tmpMiB(definitionOf(tier), environment.limits.uploadBytesMax)),
    ...locked,
    ...resolver,
    stop_grace_period: `${Math.ceil(environment.limits.stopTimeoutMs / 1000)}s`,
    restart: 'unless-stopped',
    ...(uses.includes('postgres') && {
      depends_on: { [migrateService]: { condition: 'service_completed_successfully' } },
    }),
    ...(uses.includes('document-store') && { volumes: ['documents:/data'] }),
    networks,
  };
}

/** The init step that gates a rollout, as a service that ends. */
function migrations(environment: Environment, passed: readonly SettingName[], edges: readonly Edge[]) {
  return Object.fromEntries(
    placedServices(environment).flatMap((tier) => {
      const command = definitionOf(tier).initStep?.command;
      const [placement] = placementsOf(environment, tier);
      if (!command || !placement) return [];
      const networks = joined(edges, (edge) => edge.kind === 'use' && edge.from === tier && edge.store === 'postgres');
      const service = tierService({ environment, passed, tier, name: 'migrate', placement, networks });
      const depends_on = { postgres: { condition: 'service_healthy' as const } };
      const variables = { ...service.environment, ...migrationVariables(environment) };
      return [
        [migrateService, { ...service, environment: variables, command, restart: 'on-failure' as const, depends_on }],
      ];
    }),
  );
}

function variables(
  environment: Environment,
  passed: readonly SettingName[],
  tier: ServiceName,
  replica: string,
  placement: Placement,
): Record<string, string> {
  const taken: readonly string[] = definitionOf(tier).settings;
  const all: Record<string, string | undefined> = {
    ...serviceSettings(environment, tier, placement),
    REPLICA: replica,
    DATABASE_URL: databaseUrl(databaseRole(tier), databasePasswordVariable(tier)),
    REDIS_URL: `redis://:${fromEnv('REDIS_PASSWORD')}@redis:6379`,
    DOCUMENT_STORE_URL: 'file:///data',
    SERVICE_TOKEN_PRIVATE_KEY: fromEnv(privateKeyVariable(tier)),
    SERVICE_TOKEN_PUBLIC_KEYS: fromEnv('SERVICE_TOKEN_PUBLIC_KEYS'),
    AUTH_SECRET: fromEnv('AUTH_SECRET'),
    PUBLIC_URL: fromEnv('PUBLIC_URL'),
    ...addressSettings(
      placedDefinitions(environment),
      environmentEdges(environment),
      (to) => `http://${to}:${definitionOf(to).port}`,
    ),
    ...Object.fromEntries(passed.map((name) => [name, fromEnv(name)])),
  };
  return Object.fromEntries(
    Object.keys(settings).flatMap((name) =>
      taken.includes(name) && all[name] !== undefined ? [[name, all[name]]] : [],
    ),
  );
}

const databaseUrl = (role: string, password: string): string =>
  `postgresql://${role}:${fromEnv(password)}@postgres:5432/bulkhead`;

/** What the init step reads besides: the owner of the database, and what the tiers' roles are let in with. */
function migrationVariables(environment: Environment): Record<(typeof migration)['settings'][number], string> {
  const passwords = placedServices(environment)
    .filter((tier) => usesStore(tier, 'postgres'))
    .map((tier) => [tier, fromEnv(databasePasswordVariable(tier))]);
  return {
    DATABASE_OWNER_URL: databaseUrl('bulkhead', 'POSTGRES_PASSWORD'),
    DATABASE_ROLE_PASSWORDS: JSON.stringify(Object.fromEntries(passwords)),
  };
}

/** In `.env`. @example 'chat' -> 'CHAT_DATABASE_PASSWORD' */
export const databasePasswordVariable = (tier: ServiceName): string => `${variablePart(tier)}_DATABASE_PASSWORD`;

/** In `.env`. @example 'chat' -> 'CHAT_PRIVATE_KEY' */
export const privateKeyVariable = (tier: ServiceName): string => `${variablePart(tier)}_PRIVATE_KEY`;
