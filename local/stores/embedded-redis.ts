/** The embedded Redis as a process: `PORT` and `PASSWORD` from the environment. In memory only. */
import { createRedisServer } from 'js-redis-server';

const { PORT, PASSWORD } = process.env;
if (!PORT || !PASSWORD) throw new Error('embedded-redis needs PORT and PASSWORD in its environment');

const server = await createRedisServer({ port: Number(PORT) });
// The only way to a password: its factory has no option for one, its state checks this field at every command.
Object.assign(server.state, { requirepass: PASSWORD });

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    void server.close().finally(() => process.exit(0));
  });
