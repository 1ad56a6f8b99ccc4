/** `npm run eval`: how well a running service finds and answers, by questions whose right place is known. */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { evaluate, fillBrain } from './evaluate.ts';
import { fromFeedback } from './feedback.ts';
import { printReports } from './print.ts';
import { type QuestionSet, readQuestions } from './questions.ts';
import { drops, type Report, toReport } from './report.ts';
import { type EvalService, openService } from './service.ts';

interface Options {
  readonly url: string;
  readonly key?: string;
  readonly brain: readonly string[];
  readonly documents?: string;
  readonly fromFeedback?: true;
  readonly answers: boolean;
  readonly limit?: number;
  readonly name?: string;
  readonly json?: true;
  readonly compare?: string;
  readonly dropMax?: number;
  readonly keep?: true;
}

const program = new Command('npm run eval --')
  .description(
    'Asks questions whose right place is known, and prints how often it was found, cited, or refused.\n' +
      'Questions are SQuAD JSON, or CSV: question, expected page (empty: not answerable), document, answer, group.',
  )
  .argument('[questions]', 'file with the questions, .json or .csv')
  .option('--url <url>', 'the service', 'http://localhost:8080')
  .option(
    '--key <key>',
    'API key with the scope chat, to upload also documents:read, documents:write and admin; else EVAL_API_KEY is read',
  )
  .option('--brain <id>', 'brain that is asked; given twice, both are asked and shown side by side', more, [])
  .option(
    '--from-feedback',
    'the questions are those of the brain that people gave thumbs; needs a key with the scope admin',
  )
  .option('--documents <dir>', 'asks a new brain with these documents, and removes it afterwards')
  .option('--keep', 'leaves that brain')
  .option('--no-answers', 'only searches')
  .option('--limit <n>', 'only n questions, spread evenly over the list', count)
  .option('--name <name>', "the report's name")
  .option('--json', 'prints the report as JSON')
  .option('--compare <report>', 'a report from --json, shown beside this one')
  .option('--drop-max <points>', 'with --compare: fails when a share is worse by more points of a hundred', Number);

function more(id: string, before: readonly string[]): string[] {
  return [...before, id];
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Allowed is a number from 1.');
  return value;
}

/** @returns its exit code */
async function run(path: string | undefined, options: Options): Promise<number> {
  const key = options.key ?? process.env.EVAL_API_KEY;
  if (!key) throw new Error('There is no API key: make one in Settings, then --key bk_... or EVAL_API_KEY=bk_...');
  const service = openService(options.url, key);
  const set = await questionsOf(path, options, service);
  const before = options.compare ? (JSON.parse(await readFile(options.compare, 'utf8')) as Report) : null;
  const questions = spread(set.questions, options.limit ?? set.questions.length);
  const measure = async (brain: string, name: string) => {
    const progress = (done: number) => tell(`\r${name}: ${done} of ${questions.length}`);
    const outcomes = await evaluate({ service, brain, questions, answers: options.answers, progress });
    tell('\n');
    return toReport(name, outcomes);
  };

  const reports: Report[] = [];
  for (const brain of options.brain) reports.push(await measure(brain, nameOf(options, brain)));
  if (options.brain.length === 0) {
    const documents = documentsOf(options, set);
    tell('reading the documents\n');
    const brain = await fillBrain(service, `Evaluation ${new Date().toISOString().slice(0, 16)}`, documents);
    try {
      reports.push(await measure(brain, nameOf(options, basename(path ?? ''))));
    } finally {
      if (options.keep) tell(`The brain is ${brain}.\n`);
      else
        await service
          .removeBrain(brain)
          .catch((error: Error) => tell(`The brain ${brain} is left: ${error.message}\n`));
    }
  }
  const last = reports.at(-1) as Report;
  if (options.json) console.log(JSON.stringify(reports.length > 1 ? reports : last, null, 1));
  else console.log(printReports(before ? [before, ...reports] : reports));
  const lost = before && options.dropMax !== undefined ? drops(before.all, last.all, options.dropMax / 100) : [];
  for (const each of lost) tell(`worse: ${each}\n`);
  return lost.length > 0 ? 1 : 0;
}

async function questionsOf(path: string | undefined, options: Options, service: EvalService): Promise<QuestionSet> {
  if (path) return readQuestions(basename(path), await readFile(path, 'utf8'));
  const [brain] = options.brain;
  if (!options.fromFeedback || !brain) throw new Error('Say what to ask: a file, or --from-feedback with --brain ID.');
  const { questions, unsolved } = fromFeedback(await service.feedback(brain));
  if (unsolved.length > 0)
    tell(`Thumbs down; give them a page in a CSV:\n${unsolved.map((each) => `  ${each}\n`).join('')}`);
  if (questions.length === 0) throw new Error(`The brain ${brain} has no answers with thumbs up.`);
  return { questions, documents: [] };
}

/** Beside the report, so that `--json` can be piped. */
const tell = (text: string) => void process.stderr.write(text);

const nameOf = ({ name, brain }: Options, other: string) => (name && brain.length < 2 ? name : (name ?? '') + other);

function documentsOf({ documents }: Options, set: QuestionSet) {
  if (documents) return resolve(documents);
  if (set.documents.length > 0) return set.documents;
  throw new Error('Say what is asked: --brain ID, or --documents FOLDER.');
}

/** Evenly over the whole list, whose parts may be about different things. */
const spread = <Item>(items: readonly Item[], wanted: number): Item[] =>
  Array.from(
    { length: Math.min(wanted, items.length) },
    (_, at) => items[Math.floor((at * items.length) / Math.min(wanted, items.length))] as Item,
  );

program.action(async (path: string | undefined, options: Options) => {
  process.exitCode = await run(path, options).catch((error: Error) => {
    tell(`${error.message}\n`);
    return 1;
  });
});
await program.parseAsync();
