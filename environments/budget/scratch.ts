/** Scratch space of a service: `/tmp` in its container. Pure. */
import type { ServiceDefinition } from '../../services/definition.ts';
import { optionOf, type Placement } from '../schema/placement.ts';

/** Sockets, temporary files of libraries, an index that is sorted: 15 MiB at 200,000 chunks. */
export const tmpMiBMin = 64;

/** Bytes of documents that a replica keeps on its own disk at once. 0: it keeps none. */
export function scratchBytes({ scratchUploads = 0 }: ServiceDefinition, uploadBytesMax: number): number {
  return scratchUploads * uploadBytesMax;
}

/** Size of `/tmp`. In a container it is memory, and counts against the budget; on Fargate it is disk. */
export function tmpMiB(definition: ServiceDefinition, uploadBytesMax: number): number {
  return tmpMiBMin + Math.ceil(scratchBytes(definition, uploadBytesMax) / 2 ** 20);
}

/** Least memory of a replica: what its definition says, and `/tmp`. 0: any budget may be tried. */
export function memoryMiBMin(
  definition: ServiceDefinition,
  placement: Pick<Placement, 'options'>,
  uploadBytesMax: number,
): number {
  const { memory } = definition;
  if (!memory) return 0;
  const parts = Object.entries(memory.perOptionMiB).map(
    ([option, eachMiB]) => eachMiB * Number(optionOf(definition, placement, option)),
  );
  return memory.mainMiB + parts.reduce((sum, mib) => sum + mib, 0) + tmpMiB(definition, uploadBytesMax);
}
