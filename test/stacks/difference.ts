/** What of one environment's stack differs from another's, as text that a person reviews. */
import { diffLinesUnified } from 'jest-diff';
import type { StackJson } from './synthesized.ts';

const plain = (text: string) => text;
const unmarked = { aColor: plain, bColor: plain, patchColor: plain, contextLines: 0, omitAnnotationLines: true };

/**
 * Per address its attributes that differ: `-` as in the other, `+` as given. An address that the other lacks comes
 * with everything it holds, one that only the other has by its name.
 */
export function difference(given: StackJson, other: StackJson): string {
  const [here, there] = [linesByAddress(given), linesByAddress(other)];
  return [...new Set([...here.keys(), ...there.keys()])]
    .toSorted()
    .flatMap((address) => {
      const [lines, otherLines] = [here.get(address), there.get(address)];
      if (!lines) return [`- ${address}`];
      if (!otherLines) return [`+ ${address}`, ...lines.map((line) => `  + ${line}`)];
      if (lines.join('\n') === otherLines.join('\n')) return [];
      const changed = diffLinesUnified(otherLines, lines, { ...unmarked, expand: false }).split('\n');
      return [`~ ${address}`, ...changed.filter((line) => !line.startsWith('@@')).map((line) => `  ${line}`)];
    })
    .join('\n');
}

function linesByAddress(stack: StackJson): ReadonlyMap<string, string[]> {
  const { resource, data, ephemeral = {}, locals = {}, output = {}, ...rest } = stack;
  const typed = (prefix: string, blocks: object) =>
    Object.entries(blocks).flatMap(([type, byId]) => named(`${prefix}${type}.`, byId));
  const all = [
    ...typed('', resource),
    ...typed('data.', data),
    ...typed('ephemeral.', ephemeral),
    ...named('local.', locals),
    ...named('output.', output),
    ...named('', rest),
  ];
  return new Map(all.map(([address, value]) => [address, [...linesOf(value)]]));
}

const named = (prefix: string, values: object): [string, unknown][] =>
  Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]);

/** A line per value, with the way to it. What JSON or a script hides in a string is opened; items go by their name. */
function* linesOf(value: unknown, way = ''): Generator<string> {
  const opened = openedJson(value);
  if (typeof opened === 'string' && opened.includes('\n'))
    yield* opened.split('\n').map((line, at, { length }) => `${way}${at === length - 1 ? ' end' : ''} | ${line}`);
  else if (opened === null || typeof opened !== 'object' || Object.keys(opened).length === 0)
    yield `${way}: ${JSON.stringify(opened)}`;
  else if (Array.isArray(opened))
    for (const [at, item] of opened.entries()) {
      const { name = at, ...rest } = Object(item) as { name?: string };
      yield* linesOf(name === at ? item : rest, `${way}[${name}]`);
    }
  else for (const [key, inner] of Object.entries(opened)) yield* linesOf(inner, way ? `${way}.${key}` : key);
}

function openedJson(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[{[]["{[]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
