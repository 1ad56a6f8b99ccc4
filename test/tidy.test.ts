import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { serviceNames } from '../services/manifest.ts';
import {
  deadLinks,
  dialect,
  filesMax,
  forbiddenImports,
  fullFolders,
  importCircles,
  importsOf,
  linesMax,
  lonelyShared,
  longFiles,
  type SourceFile,
  serviceBranches,
  silencedTests,
  strayServices,
  strayWrites,
  unlisted,
} from './tidy.ts';

const root = join(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path && existsSync(join(root, path)));
const read = (path: string): SourceFile => ({ path, text: readFileSync(join(root, path), 'utf8') });
const sources = tracked
  .filter((path) => /^(client|environments|constructs|stacks|local|services|test)\/.*\.tsx?$/.test(path))
  .map(read);
const documents = tracked.filter((path) => path.endsWith('.md')).map(read);
const file = (path: string, text: string): SourceFile => ({ path, text });

describe('who may import whom', () => {
  test('the tree keeps the rules', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(forbiddenImports(sources)).toEqual([]);
  });

  test.each([
    ['services/manifest.ts', './shared/env.ts', 'the manifest is data and imports nothing'],
    ['services/api/app.ts', '../chat/answer.ts', 'one service never imports another: HTTP or jobs only'],
    ['services/chat/app.ts', '../api/app.ts', 'one service never imports another: HTTP or jobs only'],
    ['services/chat/app.ts', '../../constructs/tier.ts', 'one service never imports another: HTTP or jobs only'],
    ['services/shared/http/http.ts', '../../api/app.ts', 'shared code knows no single service'],
    ['environments/dev.ts', '../stacks/main.ts', 'an environment is data'],
    ['environments/dev.ts', '../services/shared/slots/slots.ts', 'an environment is data'],
    ['environments/capacity/simulation/a.ts', '../../../services/shared/redis.ts', 'data or a pure policy'],
    ['services/shared/scheduler/policy.ts', './meters.ts', 'a policy is a pure function'],
    ['local/main.ts', '../services/api/main.ts', 'the local run starts services and uses images'],
    ['local/main.ts', '../constructs/tier/tier.ts', 'the local run starts services and uses images'],
    ['stacks/main.ts', '../local/main.ts', 'stacks know services by their manifest only'],
    ['stacks/service-stack.ts', '../services/shared/env.ts', 'stacks know services by their manifest only'],
    ['constructs/tier/tier.ts', '../../services/api/app.ts', 'constructs know services by their manifest only'],
    ['constructs/tier/tier.ts', '../../stacks/main.ts', 'constructs know services by their manifest only'],
    ['client/client.ts', '../services/api/openapi.ts', 'it knows the API by its contract'],
    ['services/web/ui/main.tsx', '../../api/app.ts', 'the page is a client'],
    ['services/api/app.ts', '../../client/client.ts', 'one service never imports another'],
    ['services/api/app.ts', '../../test/tidy.ts', 'nothing imports test'],
  ])('%s may not import %s', (path, specifier, why) => {
    expect(forbiddenImports([file(path, `import { x } from '${specifier}';`)])).toEqual([expect.stringContaining(why)]);
  });

  test.each([
    ['constructs/platforms/vm/vm-tier.ts', '@cdktf/provider-aws', 'the barrel'],
    ['environments/pricing/cost.ts', 'cdktf', 'plain arithmetic'],
    ['environments/budget/budget.ts', '@cdktf/provider-aws/lib/instance/index.js', 'plain arithmetic'],
    ['environments/dev.ts', 'node:fs', 'an environment reads no file'],
    ['services/shared/slots/slots.ts', 'node:timers', 'a policy is a pure function'],
    ['services/api/app.ts', 'constructs', 'services know nothing of infrastructure'],
  ])('%s may not import %s', (path, specifier, why) => {
    expect(forbiddenImports([file(path, `import { x } from '${specifier}';`)])).toEqual([expect.stringContaining(why)]);
  });

  test('every form of import is seen', () => {
    const text = `import a from 'a';\nimport type { B } from "b";\nimport 'c';\nexport * from 'd';\nconst e = await import('e');`;
    expect(importsOf(text)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('shared code', () => {
  const shared = [file('services/shared/b.ts', "import { c } from './c.ts';"), file('services/shared/c.ts', '')];
  const lonely = (user: string) =>
    shared.map(({ path }) => `${path} is used by ${user}: move it to its only user, or delete it`);
  test('has two services that use it', () => expect(lonelyShared(sources)).toEqual([]));
  test('what a single service uses is named, by way of others too', () => {
    const api = file('services/api/a.ts', "import { b } from '../shared/b.ts';");
    expect(lonelyShared([api, ...shared])).toEqual(lonely('services/api'));
    expect(lonelyShared([api, ...shared, file('services/chat/a.ts', "import '../shared/b.ts';")])).toEqual([]);
  });
  test('tests are no users', () =>
    expect(lonelyShared([file('test/a.ts', "import '../services/shared/b.ts';"), ...shared])).toEqual(
      lonely('nobody'),
    ));
  test('jobs, scheduler and ledger are there whoever uses them, and count as a user', () => {
    const store = file('services/shared/jobs/store.ts', "import '../b.ts';");
    expect(lonelyShared([store, file('services/api/a.ts', "import '../shared/b.ts';"), ...shared])).toEqual([]);
  });
});

describe('sizes', () => {
  test('no source file holds more than one thought', () => expect(longFiles(sources)).toEqual([]));
  test('a longer one is named', () =>
    expect(longFiles([file('services/x.ts', '\n'.repeat(linesMax + 1))])).toEqual([
      `services/x.ts has ${linesMax + 1} lines, allowed are ${linesMax}: split it where the thought changes`,
    ]));
  test('no folder holds more than one looks over', () => expect(fullFolders(tracked)).toEqual([]));
  test('a fuller one is named', () =>
    expect(fullFolders(Array.from({ length: filesMax + 1 }, (_, i) => `services/x/${i}.ts`))).toEqual([
      `services/x holds ${filesMax + 1} files, allowed are ${filesMax}: give what belongs together a folder`,
    ]));
});

describe('tables', () => {
  test('each has its writer', () => expect(strayWrites(sources)).toEqual([]));
  test.each(["updateTable('jobs')", "insertInto('jobs as j')", 'delete from jobs', 'UPDATE jobs'])(
    '%s is named',
    (found) =>
      expect(strayWrites([file('services/api/a.ts', found), file('services/shared/jobs/b.ts', found)])).toEqual([
        `services/api/a.ts has ${found.replace(/( as j)?'\)$/, '')}: only services/shared/jobs/ writes jobs`,
      ]),
  );
});

describe('documents', () => {
  test('every link leads somewhere', () =>
    expect(deadLinks(documents, (path) => existsSync(join(root, path)))).toEqual([]));
  test('every decision stands in the index', () => {
    const folder = join(root, 'docs/decisions');
    const names = readdirSync(folder).filter((name) => name !== 'README.md');
    expect(unlisted(readFileSync(join(folder, 'README.md'), 'utf8'), names)).toEqual([]);
  });
  test('one that does not is named', () =>
    expect(unlisted('- [A](a.md)', ['a.md', 'b.md'])).toEqual(['docs/decisions/README.md does not list b.md']));
  test('a dead link is named', () =>
    expect(deadLinks([file('docs/a.md', '[x](../b.md#c) [y](https://example.com)')], () => false)).toEqual([
      'docs/a.md links to ../b.md, which is not there',
    ]));
});

describe('circles', () => {
  test('no file imports itself by way of others', () => expect(importCircles(sources)).toEqual([]));
  test('one is named once, of types too', () =>
    expect(
      importCircles([
        file('local/a.ts', "import { b } from './b.ts';"),
        file('local/b.ts', "import type { C } from './deep/c.ts';"),
        file('local/deep/c.ts', "export type { A } from '../a.ts';"),
        file('local/d.ts', "import { a } from './a.ts';"),
      ]),
    ).toEqual(['local/a.ts -> local/b.ts -> local/deep/c.ts -> local/a.ts']));
});

describe('services', () => {
  test('no construct and no calculation asks which service it has before it', () =>
    expect(serviceBranches(sources, serviceNames)).toEqual([]));
  test('one that does is named', () =>
    expect(serviceBranches([file('constructs/tier/tier.ts', "if (service === 'chat') slots();")], ['chat'])).toEqual([
      'constructs/tier/tier.ts asks whether it is chat: make it a field of services/definition.ts',
    ]));

  const folders = readdirSync(join(root, 'services'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'shared')
    .map(({ name }) => name);
  test('folders and manifest use the same words', () => expect(strayServices(folders, serviceNames)).toEqual([]));
  test('a stray folder and a missing one are named', () =>
    expect(strayServices(['ocr'], ['api'])).toEqual([
      'services/ocr is not in the manifest',
      "'api' is in the manifest but has no folder",
    ]));
});

describe('tests', () => {
  const others = sources.filter(({ path }) => path.startsWith('test/') && !path.startsWith('test/tidy'));
  test('none is switched off', () => expect(silencedTests(others)).toEqual([]));
  test.each(['test.skip', 'describe.only', 'it.todo', 'test.failing', 'test.concurrent.only', 'xit(', 'fdescribe('])(
    '%s is named',
    (how) => {
      expect(silencedTests([file('test/a.test.ts', how.endsWith('(') ? `${how}'x');` : `${how}('x');`)])).toEqual([
        `test/a.test.ts has ${how}: a test runs, or test/support/skip.ts says why it cannot`,
      ]);
    },
  );
  test('only the one that says why may skip', () =>
    expect(silencedTests([file('test/support/skip.ts', "test.skip('x', () => {});")])).toEqual([]));
});

describe('words', () => {
  const others = sources.filter(({ path }) => !path.startsWith('test/tidy'));
  test('are those of the field', () => expect(dialect([...others, ...documents])).toEqual([]));
  test('a private one is named', () =>
    expect(dialect([file('local/a.ts', '// the door\nconst House = 1;')])).toEqual([
      "local/a.ts says 'door': write gateway, exposure or route",
      "local/a.ts says 'House': write deployment",
    ]));
});
