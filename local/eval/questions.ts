/** Questions with their right place, from SQuAD JSON or CSV. Pure. */
import { parse } from 'csv-parse/sync';

export interface EvalQuestion {
  readonly id: string;
  readonly question: string;
  /** Printed apart; '' when there is only one. @example 'other words' */
  readonly group: string;
  /** Where the answer stands; null: the documents do not answer. */
  readonly expected: Expected | null;
}

export type Expected =
  /** SQuAD: in this paragraph. `answers` stand in it. */
  | { readonly paragraph: string; readonly answers: readonly string[] }
  /** On one of these pages, of this document if it is named. `answer`: words that the passage must hold; '': none. */
  | { readonly pages: readonly number[]; readonly document: string; readonly answer: string }
  /** On one of these pages, which may be of several documents. */
  | { readonly places: readonly SourceLocation[] };

export interface SourceLocation {
  readonly document_name: string;
  readonly page_number: number;
}

/** A document that comes with the questions. */
export interface EvalDocument {
  readonly name: string;
  readonly text: string;
}

export interface QuestionSet {
  readonly questions: readonly EvalQuestion[];
  /** The paragraphs of SQuAD, an article each. CSV brings none. */
  readonly documents: readonly EvalDocument[];
}

/** @param name of the file: `.json` is SQuAD, all else CSV @throws Error saying which row is wrong and what is expected */
export function readQuestions(name: string, text: string): QuestionSet {
  const set = name.toLowerCase().endsWith('.json')
    ? readSquad(name, text)
    : { questions: readCsv(name, text), documents: [] };
  if (set.questions.length === 0) throw new Error(`${name} has no questions.`);
  return set;
}

interface Squad {
  readonly data: readonly {
    readonly title?: string;
    readonly paragraphs: readonly {
      readonly context: string;
      readonly qas: readonly {
        readonly id?: string;
        readonly question: string;
        readonly is_impossible?: boolean;
        readonly answers?: readonly { readonly text: string }[];
      }[];
    }[];
  }[];
}

function readSquad(name: string, text: string): QuestionSet {
  const { data } = JSON.parse(text) as Squad;
  if (!Array.isArray(data as unknown))
    throw new Error(`${name} is no SQuAD file: it needs { "data": [{ "paragraphs": [...] }] }.`);
  const questions = data.flatMap(({ paragraphs }, article) =>
    paragraphs.flatMap(({ context, qas }, at) =>
      qas.map(({ id, question, is_impossible, answers = [] }, index): EvalQuestion => {
        const expected = { paragraph: context, answers: answers.map((answer) => answer.text) };
        return {
          id: id ?? `${article}.${at}.${index}`,
          question,
          group: '',
          expected: is_impossible ? null : expected,
        };
      }),
    ),
  );
  const documents = data.map(({ title, paragraphs }, article) => ({
    name: `${(title ?? `article ${article + 1}`).replaceAll(/[/\\]/g, '-')}.txt`,
    text: paragraphs.map(({ context }) => context).join('\n\n'),
  }));
  return { questions, documents };
}

/** The names that a column may have, as people write them. */
const columns = {
  question: ['question', 'q'],
  pages: ['expected page', 'expected_page', 'page', 'pages'],
  document: ['document', 'expected document', 'file'],
  answer: ['answer', 'expected answer'],
  group: ['group', 'kind'],
};
type Column = keyof typeof columns;
const columnNames = Object.keys(columns) as Column[];

function readCsv(name: string, text: string): EvalQuestion[] {
  const rows = parse(text, { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true }) as string[][];
  const header = rows[0]?.map((cell) => cell.toLowerCase()) ?? [];
  const at = Object.fromEntries(
    columnNames.map((column) => [column, header.findIndex((cell) => columns[column].includes(cell))]),
  ) as Record<Column, number>;
  const named = at.question >= 0 && at.pages >= 0;
  // Without a header: question, page, document, answer, group.
  const cellOf = named ? at : { question: 0, pages: 1, document: 2, answer: 3, group: 4 };
  return rows.slice(named ? 1 : 0).map((row, index) => {
    const cell = (column: Column) => row[cellOf[column]] ?? '';
    const line = index + (named ? 2 : 1);
    const question = cell('question');
    if (!question) throw new Error(`${name}, row ${line}: there is no question.`);
    const pages = cell('pages')
      .split(/[;|\s]+/)
      .filter(Boolean)
      .map(Number);
    if (pages.some((page) => !Number.isSafeInteger(page) || page < 1))
      throw new Error(
        `${name}, row ${line}: the expected page is '${cell('pages')}'; allowed are a number from 1, several with ';' between, or nothing when the documents do not answer.`,
      );
    const expected = pages.length > 0 ? { pages, document: cell('document'), answer: cell('answer') } : null;
    return { id: String(line), question, group: cell('group'), expected };
  });
}
