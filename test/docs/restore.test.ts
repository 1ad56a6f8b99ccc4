/** The command of docs/operating.md that restores PostgreSQL names what the stacks of `prod` make. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { prod } from '../../environments/prod.ts';
import { one, synthesized } from '../stacks/synthesized.ts';

test('a restored database is where services reach it, and as protected as the one before', async () => {
  const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const [, block = ''] = /\*\*Restore PostgreSQL\*\*[\s\S]*?```sh\n([\s\S]*?)```/.exec(page) ?? [];
  const command = block.replaceAll(/\\\n\s*/g, '');
  const { foundation } = synthesized(prod);
  const instance = one(foundation, 'aws_db_instance');
  const group = one(foundation, 'aws_security_group', 'postgres_');
  expect(command).toContain(`--source-db-instance-identifier ${instance.identifier} `);
  expect(command).toContain(`--db-subnet-group-name ${one(foundation, 'aws_db_subnet_group').name} `);
  expect(command).toContain(`Name=tag:Name,Values=${(group.tags as { Name: string }).Name})`);
  // Each with the option that says the same of a restored one; RDS gives it its default parameters, as here.
  const options = { multi_az: '--multi-az ', deletion_protection: '--deletion-protection ' } as const;
  for (const [attribute, option] of Object.entries(options)) {
    expect(instance[attribute]).toBe(true);
    expect(command).toContain(option);
  }
  expect(instance.publicly_accessible).toBe(false);
  expect(command).toContain('--no-publicly-accessible ');
  expect(instance.parameter_group_name).toBeUndefined();
});
