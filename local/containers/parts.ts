/** The services of a compose file that are no tiers: PostgreSQL, Redis, and the gateway that people come in by. */

import { tmpMiBMin } from '../../environments/budget/scratch.ts';
import type { Edge } from '../../environments/wiring/connections.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { networkOf, publicNetwork } from './networks.ts';
import { fromEnv, limits, locked, resolver, type Service, scratch, shares } from './service.ts';

/** PostgreSQL and Redis. In AWS they are RDS and ElastiCache; these sizes carry one machine's tiers. */
export function storeServices(edges: readonly Edge[]): Record<'postgres' | 'redis', Service> {
  const common = { security_opt: ['no-new-privileges'], init: true, restart: 'unless-stopped' } as const;
  return {
    postgres: {
      image: fromEnv('POSTGRES_IMAGE', 'postgres:18'),
      // Five tiers of up to four replicas with ten connections each, rounded down by idle ones.
      command: ['postgres', '-c', 'max_connections=200', '-c', 'shared_buffers=128MB'],
      environment: {
        POSTGRES_USER: 'bulkhead',
        POSTGRES_PASSWORD: fromEnv('POSTGRES_PASSWORD'),
        // The same order and case rules on every machine, whatever locales it has.
        POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8',
      },
      // Memory: the shared buffers, and about 2 MiB for each of 200 connections.
      ...limits({ vcpu: 1, memoryMiB: 1024, pids: 512 }),
      cpu_shares: shares.stores,
      ...common,
      healthcheck: { test: ['CMD', 'pg_isready', '--quiet', '--host=127.0.0.1'], interval: '2s', retries: 30 },
      stop_grace_period: '60s',
      volumes: ['postgres:/var/lib/postgresql'],
      networks: joined(edges, (edge) => edge.kind === 'use' && edge.store === 'postgres'),
    },
    redis: {
      image: fromEnv('REDIS_IMAGE', 'redis:8'),
      // Nothing is persisted: its state is rebuilt from PostgreSQL. At the limit writes fail instead of being forgotten.
      command: [
        'redis-server',
        ...['--requirepass', fromEnv('REDIS_PASSWORD'), '--save', '', '--appendonly', 'no'],
        ...['--maxmemory', '128mb', '--maxmemory-policy', 'noeviction'],
      ],
      environment: {},
      // Memory: maxmemory, and as much again for buffers and the process.
      ...limits({ vcpu: 0.5, memoryMiB: 256, pids: 64 }),
      cpu_shares: shares.stores,
      ...common,
      stop_grace_period: '10s',
      networks: joined(edges, (edge) => edge.kind === 'use' && edge.store === 'redis'),
    },
  };
}

/** Replicas of a public tier, as `host:port`. */
export type Upstreams = Readonly<Partial<Record<ServiceName, readonly string[]>>>;

/** Port of the gateway inside its container. */
const doorPort = 8080;

/** The load balancer's stand-in: the manifest's route table before the public tiers. Only it is reachable from outside. */
export function gatewayService(upstreams: Upstreams, edges: readonly Edge[]): Service {
  return {
    image: 'localhost/bulkhead/gateway',
    pull_policy: 'never',
    environment: {
      PORT: String(doorPort),
      UPSTREAMS: JSON.stringify(upstreams),
      PUBLIC_URL: fromEnv('PUBLIC_URL'),
    },
    ...limits({ vcpu: 0.5, memoryMiB: 256, pids: 64 }),
    cpu_shares: shares.stores,
    ...scratch(tmpMiBMin),
    ...locked,
    ...resolver,
    stop_grace_period: '15s',
    restart: 'unless-stopped',
    // Loopback: what should be reachable from other machines belongs behind https.
    ports: [`127.0.0.1:${fromEnv('PORT')}:${doorPort}`],
    networks: { ...joined(edges, (edge) => edge.kind === 'public'), [publicNetwork]: {} },
  };
}

/** The networks of the edges that match. */
export function joined(
  edges: readonly Edge[],
  matches: (edge: Edge) => boolean,
): Record<string, Record<string, never>> {
  const names = edges.filter(matches).flatMap((edge) => networkOf(edge) ?? []);
  return Object.fromEntries(names.map((name) => [name, {}]));
}
