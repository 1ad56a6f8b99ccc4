/** A minimal Node base from Debian packages and the `node` npm package, for machines that reach no image registry. */
import { copyFile, cp, glob, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Architecture, strip } from './native-package.ts';
import { type Folder, normalize } from './normalize.ts';
import { run, works } from './run.ts';

/** What Node and LanceDB link to, certificates to trust, and time zones. */
const packages = ['libc6', 'libgcc-s1', 'libstdc++6', 'ca-certificates', 'tzdata'];

/** With these programs the document-worker takes rights away from its parsers. */
const tools = { packages: ['util-linux', 'libcap-ng0'], files: '**/{unshare,setpriv,prlimit,libcap-ng.so*}' };

/** Character conversions for iconv, leap-second zones, manuals: Node brings its own of the first two. */
const idle = [
  'usr/lib/x86_64-linux-gnu/gconv',
  'usr/lib/aarch64-linux-gnu/gconv',
  'usr/share/zoneinfo/right',
  'usr/share/zoneinfo/posix',
  'usr/share/lintian',
  'usr/share/man',
];

/** Why the base cannot be made here; null when it can. */
export async function baseLacks(architecture: Architecture): Promise<string | null> {
  if (architecture !== (process.arch === 'arm64' ? 'arm64' : 'x64'))
    return `given ${architecture} on a machine of ${process.arch}; this machine's base has its own processor: build there, or name a base that your engine can pull: BASE=node:24-slim npm run images`;
  return (await works('dpkg-deb', ['--version'])) && (await works('apt-get', ['--version']))
    ? null
    : 'Debian packages can only be unpacked on Debian or Ubuntu; name a base that your engine can pull: BASE=node:24-slim npm run images';
}

/**
 * Fills a folder with the base's root file system. Needs root, or packages that were unpacked as root elsewhere:
 * the owner of every file is who runs this.
 */
export async function writeBase(folder: string): Promise<Folder> {
  await rm(folder, { recursive: true, force: true });
  await unpackDebian(packages, folder);
  await mkdir(join(folder, 'usr/bin'), { recursive: true });
  const all = `${folder}.tools`;
  await unpackDebian(tools.packages, all);
  for await (const file of glob(tools.files, { cwd: all }))
    await cp(join(all, file), join(folder, file), { verbatimSymlinks: true });
  await rm(all, { recursive: true });
  await copyFile(process.execPath, join(folder, 'usr/bin/node'));
  await strip(join(folder, 'usr/bin/node'), process.arch === 'arm64' ? 'arm64' : 'x64');
  await trustCertificates(folder);
  await mkdir(join(folder, 'tmp'), { mode: 0o1777 });
  await writeFile(join(folder, 'etc/passwd'), 'root:x:0:0:root:/:\nbulkhead:x:65532:65532:bulkhead:/tmp:\n');
  await writeFile(join(folder, 'etc/group'), 'root:x:0:\nbulkhead:x:65532:\n');
  for (const path of idle) await rm(join(folder, path), { recursive: true, force: true });
  return normalize(folder);
}

/** Downloads packages with apt, which checks their signatures, and unpacks their files; no script of theirs is run. */
export async function unpackDebian(names: readonly string[], folder: string): Promise<void> {
  const downloads = `${folder}.debs`;
  await rm(downloads, { recursive: true, force: true });
  await mkdir(downloads, { recursive: true });
  await mkdir(folder, { recursive: true });
  await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', ...names], { cwd: downloads });
  for (const file of await readdir(downloads)) await run('dpkg-deb', ['-x', join(downloads, file), folder]);
  await rm(downloads, { recursive: true });
}

/** What `update-ca-certificates` writes, without its shell. */
async function trustCertificates(folder: string): Promise<void> {
  const from = join(folder, 'usr/share/ca-certificates/mozilla');
  const files = (await readdir(from)).filter((name) => name.endsWith('.crt')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(from, name), 'utf8')));
  await mkdir(join(folder, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(folder, 'etc/ssl/certs/ca-certificates.crt'), texts.join(''));
  await symlink('certs/ca-certificates.crt', join(folder, 'etc/ssl/cert.pem')).catch(() => {});
  await rm(from, { recursive: true });
}
