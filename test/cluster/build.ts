/**
 * The programs of a control plane, built once by the Go toolchain from their modules and kept outside of the tree. Eight
 * minutes on two idle cores, at the lowest priority.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Of Kubernetes; its libraries have the same numbers under v0. */
const kubernetes = '34.4';
const kwok = 'v0.7.0';

const controlPlane = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
export type Program = (typeof controlPlane)[number] | 'kwok';

const folder = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  `bulkhead/control-plane-1.${kubernetes}-kwok-${kwok}`,
);
export const programPath = (program: Program): string => join(folder, 'bin', program);

/** Why there can be no control plane here; null when there can. */
export async function lacksControlPlane(): Promise<string | null> {
  for (const [program, from] of [
    ['etcd', 'install etcd-server'],
    ['openssl', 'install openssl'],
    ['go', 'install Go 1.24 or later'],
  ] as const)
    if ((await execa('which', [program], { reject: false })).failed) return `${program} is not on PATH; ${from}`;
  return null;
}

/** Builds what is not there yet. */
export async function buildPrograms(said: (line: string) => void): Promise<void> {
  const v = `1.${kubernetes}`;
  await build('kubernetes', controlPlane, said, async (run) => {
    await run('go', 'mod', 'edit', `-require=k8s.io/kubernetes@v${v}`);
    const { GoMod } = JSON.parse(await run('go', 'mod', 'download', '-json', `k8s.io/kubernetes@v${v}`)) as {
      GoMod: string;
    };
    // Its module names its libraries by the folders that they are in beside it.
    const libraries = readFileSync(GoMod, 'utf8').matchAll(/^\s+(k8s\.io\/[a-z-]+) v0\.0\.0$/gm);
    for (const [, library] of libraries)
      await run('go', 'mod', 'edit', `-replace=${library}=${library}@v0.${kubernetes}`);
    return controlPlane.map((program) => `k8s.io/kubernetes/cmd/${program}`);
  });
  await build('kwok', ['kwok'], said, async (run) => {
    await run('go', 'mod', 'edit', `-require=sigs.k8s.io/kwok@${kwok}`);
    return ['sigs.k8s.io/kwok/cmd/kwok'];
  });
}

type Run = (program: string, ...args: string[]) => Promise<string>;

async function build(
  name: string,
  programs: readonly Program[],
  said: (line: string) => void,
  describe: (run: Run) => Promise<string[]>,
): Promise<void> {
  if (programs.every((program) => existsSync(programPath(program)))) return;
  said(`building ${programs.join(', ')} into ${folder}`);
  const cwd = join(folder, name);
  mkdirSync(cwd, { recursive: true });
  const run: Run = async (program, ...args) => (await execa('nice', ['-n', '19', program, ...args], { cwd })).stdout;
  writeFileSync(join(cwd, 'go.mod'), `module bulkhead/${name}\n\ngo 1.24.0\n`);
  const packages = await describe(run);
  const imports = packages.map((each) => `import _ "${each}"\n`).join('');
  writeFileSync(join(cwd, 'tools.go'), `//go:build tools\n\npackage tools\n\n${imports}`);
  await run('go', 'mod', 'tidy');
  await run('go', 'build', '-o', `${join(folder, 'bin')}/`, ...packages);
}
