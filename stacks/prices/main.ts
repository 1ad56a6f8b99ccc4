/** `npm run prices -- refresh us-east-1`: reads AWS's public price list into environments/pricing/prices/refreshed.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { staleWarnings } from '../../environments/pricing/prices/age.ts';
import { checkKept, publicList, refreshRegion } from './refresh.ts';

const table = new URL('../../environments/pricing/prices/refreshed.json', import.meta.url);

const program = new Command('npm run prices --').description('How old prices are, and new ones from AWS.');
program
  .command('check')
  .description('Says which regions have old prices.')
  .action(() => {
    console.log(staleWarnings(new Date()).join('\n') || 'No price is older than half a year.');
  });
program
  .command('refresh')
  .description("Reads a region's prices from AWS's public list, which needs no account.")
  .argument('<region>')
  .option('--from <url>', 'base address of the list', publicList)
  .option('--dry-run', 'writes nothing')
  .action(async (region: string, { from, dryRun }: { from: string; dryRun?: true }) => {
    const { refreshed, changed, missing, ambiguous } = await refreshRegion(region, from);
    for (const line of changed) console.log(line);
    if (ambiguous.length > 0) console.log(`at several prices, so not taken: ${ambiguous.join(', ')}`);
    if (missing.length > 0) console.log(`not in the list, so as before: ${missing.join(', ')}`);
    console.log(`${Object.keys(refreshed.amounts).length} prices of ${region} of ${refreshed.asOf}`);
    const before = JSON.parse(await readFile(table, 'utf8'));
    checkKept(region, before[region], refreshed);
    if (dryRun) return;
    await writeFile(table, `${JSON.stringify({ ...before, [region]: refreshed }, undefined, 2)}\n`);
  });
try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
