/** The rules of the tree as pure functions over `{ path, text }`; tidy.test.ts runs them on the tree and on failing examples. */
import { posix } from 'node:path';

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** A folder or file, and what it may import: relative prefixes, or packages. First match by `from` wins. */
interface ImportRule {
  readonly from: RegExp;
  readonly may: readonly RegExp[];
  readonly why: string;
}

const data = /^services\/(manifest|definition|settings|metrics|models|route-table|call-verbs)\.ts$/;
/** Decisions of the services that are pure functions: a simulation decides by the same. */
const policies =
  /^services\/shared\/(scheduler\/(policy(-meter)?|estimate-flow|outlook)|slots\/(slots|hint|share))\.ts$/;
const contract = /^services\/shared\/contract\//;
/** Named by a rule as `services/<own>`: the folder of the importing service. */
const importRules: readonly ImportRule[] = [
  { from: data, may: [data], why: 'the manifest is data and imports nothing' },
  { from: policies, may: [policies, contract, data], why: 'a policy is a pure function, which a simulation runs too' },
  { from: /^client\//, may: [/^client\//, /^services\/shared\/contract\//], why: 'it knows the API by its contract' },
  {
    from: /^services\/web\/ui\//,
    may: [/^services\/web\//, /^services\/shared\//, /^client\//, data],
    why: 'the page is a client: of services it knows what they share',
  },
  { from: /^services\/shared\//, may: [/^services\/shared\//, data], why: 'shared code knows no single service' },
  {
    from: /^services\//,
    may: [/^services\/<own>\//, /^services\/shared\//, data],
    why: 'one service never imports another: HTTP or jobs only',
  },
  {
    from: /^environments\/capacity\//,
    may: [/^environments\//, policies, contract, data],
    why: 'the capacity model knows of services what is data or a pure policy',
  },
  {
    from: /^environments\//,
    may: [/^environments\//, data],
    why: 'an environment is data: it knows services by their manifest and nothing of where they run',
  },
  {
    from: /^local\//,
    may: [/^local\//, /^environments\//, /^stacks\/images\//, data],
    why: 'the local run starts services and uses images, it imports no service and no construct',
  },
  {
    from: /^stacks\//,
    // One lock per folder, whoever holds it: images are built under the same kind as a data folder is used.
    may: [/^stacks\//, /^constructs\//, /^environments\//, /^local\/processes\/lock\.ts$/, data],
    why: 'stacks know services by their manifest only',
  },
  {
    from: /^constructs\//,
    may: [/^constructs\//, /^environments\//, data],
    why: 'constructs know services by their manifest only',
  },
];

/** Folders that decide and never synthesize. */
const pure = /^environments\//;

/** Imports that no rule above allows. */
export function forbiddenImports(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    importsOf(text).flatMap((specifier) => {
      if (!specifier.startsWith('.')) return forbiddenPackage(path, specifier);
      const target = posix.normalize(posix.join(posix.dirname(path), specifier));
      if (target.startsWith('test/') && !path.startsWith('test/'))
        return [`${path} may not import ${target}: nothing imports test`];
      const rule = importRules.find(({ from }) => from.test(path));
      if (!rule || rule.may.some((pattern) => allows(pattern, path, target))) return [];
      return [`${path} may not import ${target}: ${rule.why}`];
    }),
  );
}

function forbiddenPackage(path: string, specifier: string): string[] {
  if (specifier === '@cdktf/provider-aws' || specifier === '@cdktf/provider-kubernetes')
    return [
      `${path} may not import the barrel ${specifier}: import ${specifier}/lib/<resource>/index.js, it costs a tenth`,
    ];
  if (pure.test(path) && /^(cdktf|constructs|@cdktf\/)/.test(specifier))
    return [`${path} may not import ${specifier}: budgets, prices and capacity are plain arithmetic`];
  if (pure.test(path) && specifier.startsWith('node:'))
    return [`${path} may not import ${specifier}: an environment reads no file and asks no network`];
  if (policies.test(path))
    return [`${path} may not import ${specifier}: a policy is a pure function, which a simulation runs too`];
  if (path.startsWith('services/') && /^(cdktf|constructs|@cdktf\/)/.test(specifier))
    return [`${path} may not import ${specifier}: services know nothing of infrastructure`];
  return [];
}

function allows(pattern: RegExp, path: string, target: string): boolean {
  const own = path.split('/')[1] ?? '';
  return new RegExp(pattern.source.replace('<own>', own)).test(target);
}

export function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\()\s*['"]([^'"]+)['"]/g)].map(
    (match) => match[1] as string,
  );
}

/** Files that import each other in a circle, types included; each circle once, as a path that ends where it begins. */
export function importCircles(files: readonly SourceFile[]): string[] {
  const known = new Map(files.map(({ path, text }) => [path, targetsOf(path, text)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) circles.push([...way.slice(at), path].join(' -> '));
    if (at >= 0 || done.has(path)) return;
    for (const target of known.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of known.keys()) visit(path, []);
  return circles;
}

const targetsOf = (path: string, text: string): string[] =>
  importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.normalize(posix.join(posix.dirname(path), specifier)));

/** The environments themselves say where each service runs; the comparison is with another product's list of services. */
const mayAskWho = /^environments\/((dev|staging|prod|bench|local)\.ts|pricing\/comparison\.ts)$/;

/** What asks which service it has before it: such a difference is a field of the definition. */
export function serviceBranches(files: readonly SourceFile[], names: readonly string[]): string[] {
  const branch = new RegExp(`[!=]==\\s*'(${names.join('|')})'`, 'g');
  return files
    .filter(({ path }) => /^(constructs|environments)\//.test(path) && !mayAskWho.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(branch)].map(
        ([, name]) => `${path} asks whether it is ${name}: make it a field of services/definition.ts`,
      ),
    );
}

/** A file longer than this holds more than one thought; the largest may only shrink. */
export const linesMax = 300;

export function longFiles(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1;
    // Nobody writes or reads it from top to bottom: it is as long as the schema.
    const generated = /^\/\*\*[^/]{0,120}\bgenerated from\b/.test(text);
    return lines > linesMax && !generated
      ? [`${path} has ${lines} lines, allowed are ${linesMax}: split it where the thought changes`]
      : [];
  });
}

/** What one looks over at a glance. */
export const filesMax = 14;
/** Read in the order of their numbers or dates, never looked over. */
const sequences = /^(services\/shared\/postgres\/migrations|docs\/decisions)$/;

/** Folders with more files side by side than that. */
export function fullFolders(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const folder = posix.dirname(path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([folder, count]) => count > filesMax && !sequences.test(folder))
    .map(
      ([folder, count]) =>
        `${folder} holds ${count} files, allowed are ${filesMax}: give what belongs together a folder`,
    );
}

/** Relative links in Markdown that lead nowhere. */
export function deadLinks(documents: readonly SourceFile[], exists: (path: string) => boolean): string[] {
  return documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] as string)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !exists(posix.normalize(posix.join(posix.dirname(path), link))))
      .map((link) => `${path} links to ${link}, which is not there`),
  );
}

/** Folders under services/ and the manifest's keys must be the same words. */
export function strayServices(folders: readonly string[], manifest: readonly string[]): string[] {
  return [
    ...folders
      .filter((folder) => !manifest.includes(folder))
      .map((folder) => `services/${folder} is not in the manifest`),
    ...manifest
      .filter((name) => !folders.includes(name))
      .map((name) => `'${name}' is in the manifest but has no folder`),
  ];
}

/**
 * Folders of `services/shared` that are one thing's only home, whoever uses it now: a state machine, a queue and a record
 * of use are whole or they are nowhere, and a second worker finds them here. Each counts as a user of what it imports.
 */
const homes = ['services/shared/jobs/', 'services/shared/scheduler/', 'services/shared/ledger/'];
const userOf = (path: string): string | undefined =>
  homes.find((home) => path.startsWith(home)) ?? /^services\/(?!shared\/)[^/]+(?=\/)/.exec(path)?.[0];

/** Files of `services/shared` that fewer than two services reach, by way of others too. */
export function lonelyShared(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map(({ path, text }) => [path, targetsOf(path, text)]));
  const users = new Map<string, Set<string>>();
  const note = (path: string, user: string): void => {
    for (const target of imports.get(path) ?? []) {
      const known = users.get(target) ?? new Set();
      if (!target.startsWith('services/') || known.has(user)) continue;
      users.set(target, known.add(user));
      note(target, user);
    }
  };
  for (const { path } of files) {
    const user = userOf(path);
    if (user) note(path, user);
  }
  return files
    .filter(({ path }) => path.startsWith('services/shared/') && !homes.some((home) => path.startsWith(home)))
    .filter(({ path }) => (users.get(path)?.size ?? 0) < 2)
    .map(
      ({ path }) =>
        `${path} is used by ${[...(users.get(path) ?? [])].join() || 'nobody'}: move it to its only user, or delete it`,
    );
}

/** Tables that one folder alone writes: what may happen to their rows is decided there. */
const writers: Readonly<Record<string, string>> = {
  jobs: 'services/shared/jobs/',
  ledger: 'services/shared/ledger/',
};

/** Statements that write a table elsewhere than its folder. */
export function strayWrites(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    Object.entries(writers).flatMap(([table, folder]) => {
      if (!path.startsWith('services/') || path.startsWith(folder)) return [];
      const writes = new RegExp(
        `\\b(?:insertInto|updateTable|deleteFrom)\\('${table}|\\b(?:insert into|update|delete from) ${table}\\b`,
        'gi',
      );
      return [...text.matchAll(writes)].map(([found]) => `${path} has ${found}: only ${folder} writes ${table}`);
    }),
  );
}

/** The one place that may skip: it says why, and fails in CI. */
const skipsWithReason = 'test/support/skip.ts';

/** Tests that were switched off, or on alone, or that are known to fail. */
export function silencedTests(files: readonly SourceFile[]): string[] {
  const switched =
    /\b(?:test|it|describe)(?:\.concurrent)?\.(?:skip|only|todo|failing)\b|\b[xf](?:it|test|describe)\(/g;
  return files.flatMap(({ path, text }) =>
    path === skipsWithReason
      ? []
      : [...text.matchAll(switched)].map(
          (match) => `${path} has ${match[0]}: a test runs, or ${skipsWithReason} says why it cannot`,
        ),
  );
}

/** Words that only this project would understand, and the field's own. */
const privateWords: Readonly<Record<string, string>> = {
  house: 'deployment',
  door: 'gateway, exposure or route',
  guest: 'synthetic tenant',
  roster: 'pid registry',
  lifeline: 'exit with parent',
  leftovers: 'orphans',
  upkeep: 'compaction',
  coldness: 'warm-up',
  asker: 'user',
};

/** Private words in code and documents. SQL that has landed keeps its words: the mark in rows of synthetic tenants. */
export function dialect(files: readonly SourceFile[]): string[] {
  const words = new RegExp(`(?<!')\\b(${Object.keys(privateWords).join('|')})s?\\b(?!')`, 'gi');
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(words)].map(
      ([found, word]) => `${path} says '${found}': write ${privateWords[(word as string).toLowerCase()]}`,
    ),
  );
}

/** Decisions that their index does not link to. @param files names beside the index */
export const unlisted = (index: string, files: readonly string[]): string[] =>
  files.filter((name) => !index.includes(`](${name})`)).map((name) => `docs/decisions/README.md does not list ${name}`);
