import type { ContainerDeployment } from '../../containers/deployment.ts';
import { evaluate, podman } from '../../containers/podman.ts';

/** Memory of every container in MiB, as the kernel counts it against the limit, less file pages it can drop at will. */
export async function memoryMiB({ compose, container }: ContainerDeployment): Promise<Record<string, number>> {
  const stats: { name: string; mem_usage: string }[] = JSON.parse(
    await podman('stats', '--no-stream', '--format=json'),
  );
  return Object.fromEntries(
    Object.keys(compose.services).flatMap((name) => {
      const own = stats.find((each) => each.name === container(name));
      return own ? [[name, mib(own.mem_usage.split('/')[0] ?? '')]] : [];
    }),
  );
}

/** podman writes decimal units. @example '74.42MB ' -> 70.97 */
function mib(text: string): number {
  const [, number = '0', unit = 'B'] = text.match(/([\d.]+)\s*([kMG]?B)/) ?? [];
  const bytes = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? 1;
  return (Number(number) * bytes) / 2 ** 20;
}

/** MiB that are alive in a service's process once its garbage is collected, heap and buffers; told by its inspector. */
export async function liveMiB(container: string): Promise<number> {
  return Number(await evaluate(container, collectAndTell));
}

const collectAndTell = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const isService = (pid) => /^node\\0.*main\\.js/.test(readFileSync('/proc/' + pid + '/cmdline', 'utf8'));
  const pid = readdirSync('/proc').find((name) => /^\\d+$/.test(name) && isService(name));
  process.kill(Number(pid), 'SIGUSR1');
  let targets;
  for (let tries = 0; !targets && tries < 50; tries++) {
    await sleep(100);
    targets = await fetch('http://127.0.0.1:9229/json/list').then((answer) => answer.json(), () => undefined);
  }
  const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  const ask = (method, params) => new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(JSON.parse(data).result), { once: true });
    socket.send(JSON.stringify({ id: 1, method, params }));
  });
  await ask('HeapProfiler.collectGarbage');
  const expression = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
  const { result } = await ask('Runtime.evaluate', { expression });
  console.log(result.value / 2 ** 20);
  socket.close();`;
