/**
 * The program of the gateway's image: the local router before the tiers' containers. `UPSTREAMS` names the replicas of
 * every public tier, `{ "chat": ["chat:8003"] }`; `PORT` is where it listens, `PUBLIC_URL` where
 * people reach it.
 */
import { openRouter } from '../router/router.ts';

const upstreams = JSON.parse(process.env.UPSTREAMS ?? '{}') as Record<string, string[]>;
const replicas = new Map(
  Object.entries(upstreams).map(([tier, addresses]) => [
    tier,
    addresses.map((address) => {
      const { hostname, port } = new URL(`http://${address}`);
      return { host: hostname, port: Number(port), ready: true, outstanding: 0 };
    }),
  ]),
);

const router = await openRouter({
  host: '0.0.0.0',
  port: Number(process.env.PORT ?? 8080),
  replicas: (owner) => replicas.get(owner) ?? [],
  publicUrl: process.env.PUBLIC_URL,
});
console.log(`gateway: port ${router.port}, before ${[...replicas.keys()].join(', ')}`);

process.once('SIGTERM', () => void router.close().then(() => process.exit(0)));
