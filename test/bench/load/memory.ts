import type { ContainerHouse } from '../../containers/house.ts';
import { podman } from '../../containers/podman.ts';

/** Memory of every container in MiB, as the kernel counts it against the limit, less file pages it can drop at will. */
export async function memoryMiB({ compose, container }: ContainerHouse): Promise<Record<string, number>> {
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
