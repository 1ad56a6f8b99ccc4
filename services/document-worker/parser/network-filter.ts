/**
 * A seccomp filter under which no socket can be made, for platforms that allow no namespace of one's own, as containers by
 * default. `setpriv --seccomp-filter` (util-linux 2.40 and later) loads it. The channel to the worker is open already.
 */

/** struct seccomp_data (linux/seccomp.h): the call's number, then the architecture. */
const [numberOffset, archOffset] = [0, 4];
/** Instructions (linux/bpf_common.h): load a word, jump if equal, jump if greater or equal, return. */
const [load, ifEqual, ifAtLeast, answer] = [0x20, 0x15, 0x35, 0x06];
/** Answers (linux/seccomp.h): end the process, fail with EACCES, go on. */
const [kill, refuse, allow] = [0x80000000, 0x00050000 | 13, 0x7fff0000];

/** AUDIT_ARCH, and the calls that make sockets; io_uring can make them without a call of its own. */
const architectures: Readonly<Record<string, { arch: number; calls: readonly number[] }>> = {
  x64: { arch: 0xc000003e, calls: [41, 425] },
  arm64: { arch: 0xc00000b7, calls: [198, 425] },
};
/** On x86-64 the same calls stand a second time above this number. */
const x32Calls = 0x40000000;

/** The program as the kernel takes it; null for a processor it does not know. */
export function networkFilter(processor: string = process.arch): Buffer | null {
  const known = architectures[processor];
  if (!known) return null;
  const { arch, calls } = known;
  const program = [
    [load, 0, 0, archOffset],
    [ifEqual, 1, 0, arch],
    [answer, 0, 0, kill],
    [load, 0, 0, numberOffset],
    [ifAtLeast, 0, 1, x32Calls],
    [answer, 0, 0, kill],
    ...calls.flatMap((call) => [
      [ifEqual, 0, 1, call],
      [answer, 0, 0, refuse],
    ]),
    [answer, 0, 0, allow],
  ] as const;
  const bytes = Buffer.alloc(program.length * 8);
  // struct sock_filter (linux/filter.h), in the byte order of both processors.
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  }
  return bytes;
}
