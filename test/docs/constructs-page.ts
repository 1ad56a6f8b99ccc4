/**
 * `npm run docs`: writes docs/constructs.md from the sources of constructs/ and environments/. The compiler reads them
 * (TypeScript 7's own API; it is still called unstable, so its version is pinned), zod knows the defaults.
 */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ClassDeclaration, Node } from 'typescript/unstable/ast';
import {
  isClassDeclaration,
  isConstructorDeclaration,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isParameterDeclaration,
  isStringLiteral,
  isTemplateExpression,
  isThrowStatement,
} from 'typescript/unstable/ast/is';
import { API, type Checker, type Symbol as Member, SymbolFlags } from 'typescript/unstable/sync';
import { z } from 'zod';
import { placementFields } from '../../environments/schema/placement.ts';
import { environmentShape } from '../../environments/schema/schema.ts';

const root = join(import.meta.dirname, '../..');
export const pagePath = join(root, 'docs/constructs.md');

export function constructsPage(): string {
  const api = new API({ cwd: root });
  try {
    const config = join(root, 'tsconfig.json');
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (!project) throw new Error(`${config} is no project`);
    const { program, checker } = project;
    const files = program
      .getSourceFileNames()
      .filter((path) => relative(root, path).startsWith('constructs/'))
      .toSorted();
    const classes = files.flatMap((path) =>
      classesOf(program.getSourceFile(path)).map((declaration) => ({ path: relative(root, path), declaration })),
    );
    const uses = new Map<string, Use>();
    // An example before what is made inside of others.
    for (const path of files.toSorted((a, b) => Number(isExample(b)) - Number(isExample(a))))
      for (const use of usesOf(relative(root, path), program.getSourceFile(path)))
        if (!uses.has(use.name)) uses.set(use.name, use);
    // Chosen from a table.
    for (const { declaration } of classes) {
      const name = declaration.name?.getText() ?? '';
      const table = files.find((file) => new RegExp(`: ${name}\\b`).test(program.getSourceFile(file)?.text ?? ''));
      if (!uses.has(name) && table) uses.set(name, { name, path: relative(root, table), code: '' });
    }
    return [
      '# Constructs and settings',
      'Generated from the sources by `npm run docs`; a test holds it.',
      'A prop without a default must be given. What an environment may leave out has its default [below](#settings-of-an-environment).',
      'Each example is the code of a stack in [constructs/examples/](../constructs/README.md), which a test synthesizes under every policy.',
      ...classes
        .filter(({ path }) => !isExample(path))
        .map(({ path, declaration }) => section(path, declaration, checker, uses)),
      settingsSection(),
      '',
    ].join('\n\n');
  } finally {
    api.close();
  }
}

function classesOf(file: Node | undefined): ClassDeclaration[] {
  const found: ClassDeclaration[] = [];
  file?.forEachChild((node) => {
    const base = isClassDeclaration(node) ? node.heritageClauses?.[0]?.types[0]?.expression : undefined;
    if (base && /^(Construct|TerraformStack)$/.test(base.getText())) found.push(node as ClassDeclaration);
  });
  return found;
}

const isExample = (path: string): boolean => path.includes('constructs/examples/');

/** Where a construct is made: in an example, or inside of another construct. */
interface Use {
  readonly name: string;
  readonly path: string;
  readonly code: string;
}

function usesOf(path: string, file: Node | undefined): Use[] {
  const text = file?.getSourceFile().text ?? '';
  return nodesOf(file)
    .filter((node) => isNewExpression(node))
    .map((node) => {
      const indent = /[^\n]*$/.exec(text.slice(0, node.getStart()))?.[0].match(/^ */)?.[0] ?? '';
      return { name: node.expression.getText(), path, code: node.getText().replaceAll(`\n${indent}`, '\n') };
    });
}

function nodesOf(node: Node | undefined): Node[] {
  const found: Node[] = [];
  const visit = (each: Node): void => {
    found.push(each);
    each.forEachChild(visit);
  };
  node?.forEachChild(visit);
  return found;
}

function exampleOf(name: string, uses: ReadonlyMap<string, Use>): string[] {
  const use = uses.get(name);
  if (!use) return [];
  const link = `[${use.path}](../${use.path})`;
  return isExample(use.path) ? [`Example, in ${link}:`, `\`\`\`ts\n${use.code};\n\`\`\``] : [`Made in ${link}.`];
}

/** What its own code throws, with the names of what stands in the text. */
function refusalsOf(declaration: ClassDeclaration): string[] {
  const texts = nodesOf(declaration)
    .filter((node) => isThrowStatement(node))
    .flatMap((thrown) =>
      nodesOf(thrown)
        .filter((node) => isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node) || isTemplateExpression(node))
        .slice(0, 1),
    )
    .map((text) =>
      text
        .getText()
        .slice(1, -1)
        .replaceAll(/\$\{(?:\w+\.)*(\w+)\}/g, '<$1>'),
    );
  return texts.length > 0 ? [`Refuses: ${texts.map((text) => `\`${text}\``).join('; ')}.`] : [];
}

function section(
  path: string,
  declaration: ClassDeclaration,
  checker: Checker,
  uses: ReadonlyMap<string, Use>,
): string {
  const name = declaration.name?.getText() ?? '';
  const symbol = declaration.name && checker.getSymbolAtLocation(declaration.name);
  const about =
    (symbol && oneLine(symbol.getDocumentationComment(checker))) || headOf(declaration.getSourceFile().text);
  const built = declaration.members.find((member) => isConstructorDeclaration(member));
  const props = built?.parameters.filter((parameter) => isParameterDeclaration(parameter))[2];
  const type = props && checker.getTypeAtLocation(props);
  const members = type ? checker.getPropertiesOfType(type) : [];
  const rows = members.map((member) => row(member, checker, declaration));
  return [
    `## ${name}`,
    `[${path}](../${path})${about && `: ${about}`}`,
    ...(rows.length > 0 ? [table(rows)] : []),
    ...refusalsOf(declaration),
    ...exampleOf(name, uses),
  ].join('\n\n');
}

/** What a file opens with. */
const headOf = (text: string) => oneLine((/^\/\*\*(.*?)\*\//s.exec(text)?.[1] ?? '').replaceAll(/^ \* ?/gm, ''));

function row(member: Member, checker: Checker, at: Node): Row {
  const type = checker.getTypeOfSymbol(member);
  const optional = (member.flags & SymbolFlags.Optional) !== 0;
  const given = member.getJsDocTags(checker).find(({ name }) => name === 'default');
  return {
    name: member.name,
    type: type ? checker.typeToString(type, at).replace(optional ? / \| undefined$/ : /$^/, '') : '',
    default: given ? oneLine(String(given.text ?? '')) : optional ? 'absent' : '',
    what: oneLine(member.getDocumentationComment(checker)),
  };
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

function settingsSection(): string {
  const schemaOf = (type: z.ZodType) => z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema;
  const { tiers: _, ...others } = environmentShape.shape;
  const settings = [
    ...settingRows(schemaOf(z.object(placementFields)), 'tiers.<tier>.'),
    ...settingRows(schemaOf(z.object(others)), ''),
  ];
  return [
    '## Settings of an environment',
    'What each means stands beside it in [schema.ts](../environments/schema/schema.ts), [placement.ts](../environments/schema/placement.ts)',
    'and [aws.ts](../environments/schema/aws.ts); options of a single tier in [manifest.ts](../services/manifest.ts).',
    '',
    '| setting | allowed | default |',
    '|---|---|---|',
    ...settings.map(([name, allowed, otherwise]) => `| ${code(name)} | ${code(allowed)} | ${code(otherwise)} |`),
  ]
    .join('\n')
    .replace('\n', '\n\n');
}

function settingRows({ properties = {}, required = [] }: Schema, prefix: string): [string, string, string][] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const name = `${prefix}${key}`;
    const otherwise = schema.default === undefined ? 'absent' : JSON.stringify(schema.default);
    if (schema.properties) {
      const whole: [string, string, string][] = otherwise === 'absent' ? [[name, 'object', otherwise]] : [];
      return [...(required.includes(key) ? [] : whole), ...settingRows(schema, `${name}.`)];
    }
    return [[name, allowedOf(schema), required.includes(key) ? '' : otherwise]];
  });
}

function allowedOf({ type = '', enum: values, anyOf, const: value, items, ...limits }: Schema): string {
  if (value !== undefined) return JSON.stringify(value);
  if (values) return values.map((each) => JSON.stringify(each)).join(' | ');
  if (anyOf) return anyOf.map(allowedOf).join(' | ');
  if (items) return `${allowedOf(items)}[]`;
  const least = limits.minimum ?? limits.exclusiveMinimum;
  const most = limits.maximum === Number.MAX_SAFE_INTEGER ? undefined : limits.maximum;
  const from = limits.minimum === undefined ? `above ${least}` : `from ${least}`;
  return [type, ...(least === undefined ? [] : [from]), ...(most === undefined ? [] : [`to ${most}`])].join(' ');
}

interface Row {
  readonly name: string;
  readonly type: string;
  readonly default: string;
  readonly what: string;
}

const cell = (text: string) => text.replaceAll('|', '\\|');
const code = (text: string) => (text ? `\`${cell(text)}\`` : '');
const table = (rows: readonly Row[]) =>
  [
    '| prop | type | default | what |',
    '|---|---|---|---|',
    ...rows.map((each) => `| ${code(each.name)} | ${code(each.type)} | ${code(each.default)} | ${cell(each.what)} |`),
  ].join('\n');
const oneLine = (text: string) =>
  text
    .replaceAll(/\{@link ([^}]+)\}/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();

if (import.meta.main) writeFileSync(pagePath, constructsPage());
