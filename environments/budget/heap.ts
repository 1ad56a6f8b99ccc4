/** V8's heap in the main process of a service. */
import { definitionOf, type ServiceName } from '../../services/manifest.ts';

/**
 * From the manifest or as a share of the budget. The rest is for what V8 does not count: buffers of streams, native code,
 * indexes, stacks, child processes. A tier above its heap ends with a clear message instead of swapping the machine to a halt.
 */
export const heapLimitMiB = (name: ServiceName, memoryMiB: number): number =>
  definitionOf(name).heapMiB ?? Math.floor(memoryMiB * heapShare);

const heapShare = 0.6;

/**
 * Each half of the young generation. 16 as on a machine, of whatever memory: V8 would take less in a small container, and the
 * constants of capacity would be of that size alone. How much it matters was not measured apart. Small beside a small heap: its
 * garbage alone would otherwise reach 48 MiB.
 */
const semiSpaceMiB = (name: ServiceName): number => (definitionOf(name).heapMiB === undefined ? 16 : 4);

/**
 * Garbage that V8 leaves, at most: it collects all no later than halfway between what is alive and the limit
 * (https://github.com/nodejs/node/blob/main/deps/v8/src/heap/heap-controller.cc, BoundAllocationLimit), and beside that both
 * halves of the young generation may be full.
 */
export const garbageMiB = (name: ServiceName, memoryMiB: number): number =>
  heapLimitMiB(name, memoryMiB) / 2 + 2 * semiSpaceMiB(name);

/** Node's flags for it. */
export const heapFlags = (name: ServiceName, memoryMiB: number): string[] => [
  `--max-old-space-size=${heapLimitMiB(name, memoryMiB)}`,
  `--max-semi-space-size=${semiSpaceMiB(name)}`,
];
