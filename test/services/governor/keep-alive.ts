/** Whether the kernel asks a silent peer if it is still there: a peer without power says nothing, and none can be had here. */
import { readFile } from 'node:fs/promises';
import { testWith } from '../../support/skip.ts';

export const onLinux = testWith(process.platform === 'linux' ? null : 'it reads /proc/net/tcp, which Linux alone has');

/** Of a line of /proc/net/tcp, whose columns proc_net_tcp(5) names. */
const established = '01';
const keepAliveTimer = '02';

/** Ports of the peers of a local port that are asked. */
export async function peersAsked(port: number): Promise<number[]> {
  const lines = (await readFile('/proc/self/net/tcp', 'utf8')).trim().split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local = '', remote = '', state, , timer = ''] = line.trim().split(/\s+/);
    const portOf = (address: string) => Number.parseInt(address.split(':')[1] as string, 16);
    return state === established && portOf(local) === port && timer.startsWith(`${keepAliveTimer}:`)
      ? [portOf(remote)]
      : [];
  });
}
