/** A parser child process: documents are hostile, so they are opened here and nowhere else. */
import { openPdf } from './pdf/pdf-document.ts';
import { convertAnswer } from './remote/convert.ts';
import { serveReads } from './serve-reads.ts';
import { openText } from './text-document.ts';

serveReads({ 'application/pdf': openPdf, 'text/markdown': openText, 'text/plain': openText }, convertAnswer);
