/** Stands in for every tier: answers what it was asked and what it was started with. A program, not a test. */
import { createServer } from 'node:http';
import { pino } from 'pino';

const [name = '', task] = process.argv.slice(2);
const { PORT, STAND_IN_FAULT } = process.env;
console.log(JSON.stringify({ msg: `${name} ${task ?? 'starts'}` }));

if (task === 'migrate') process.exit(0);
if (task === 'owner-link') {
  console.log(JSON.stringify({ token: 'once-only' }));
  process.exit(0);
}
if (STAND_IN_FAULT || process.env.LOG_LEVEL === `broken-${name}`) {
  console.error('stand-in: the setting is missing');
  process.exit(3);
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://tier');
  if (pathname === '/readyz') return void response.end('ready');
  if (pathname.endsWith('/slow')) {
    console.log('holding a request');
    await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get('ms'))));
  }
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ name, pid: process.pid, bytes, env: process.env, headers: request.headers }));
});
server.listen(Number(PORT), '127.0.0.1');
const log = pino();
process.once('SIGTERM', () => {
  log.info('draining');
  server.close(() => {
    log.info('drained');
    process.exit(0);
  });
});
