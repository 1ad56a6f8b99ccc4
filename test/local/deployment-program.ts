/** A deployment of stand-ins at a terminal, for tests that send signals to it. A program, not a test. */
import { runInTerminal } from '../../local/terminal.ts';
import { standIns } from './stand-ins.ts';

const [data = '', port = '0'] = process.argv.slice(2);
process.exitCode = await runInTerminal({ data, port: Number(port) }, standIns);
