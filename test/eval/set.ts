/** The documents of the evaluation set: short ones written for it, and two manuals of Debian's r-doc-pdf. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const own = join(import.meta.dirname, 'documents');
const manuals = '/usr/share/R/doc/manual';
/** 52 and 41 pages. */
const manualNames = ['R-FAQ.pdf', 'R-data.pdf'];

export const questionsPath = join(import.meta.dirname, 'questions.csv');
export const keptPath = join(import.meta.dirname, 'kept.json');

export const lacksDocuments = manualNames.every((name) => existsSync(join(manuals, name)))
  ? null
  : "Debian's r-doc-pdf is not installed";

export const documents = async (): Promise<string[]> => [...(await readdir(own)).sort(), ...manualNames];
export const documentPath = (name: string): string => join(name.endsWith('.pdf') ? manuals : own, name);
