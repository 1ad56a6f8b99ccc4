/** The commands of docs/operating.md that make the first sign-in link name what the stacks of `dev` make. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { dev } from '../../environments/dev.ts';
import { type Attributes, ofType, one, synthesized } from '../stacks/synthesized.ts';

const page = readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
const firstSignIn = async () =>
  /\n8\. \*\*First sign-in[\s\S]*?\n\n/.exec(await page)?.[0].replaceAll(/\\?\n\s*/g, ' ') ?? '';
const { service } = synthesized(dev);
function named(type: string, name: unknown, field = 'name'): Attributes {
  const found = Object.values(ofType(service, type)).find((each) => each[field] === name);
  if (!found) throw new Error(`no ${type} has the ${field} ${name}`);
  return found;
}

test('on ECS: cluster, task, container and log group', async () => {
  const commands = await firstSignIn();
  const api = named('aws_ecs_service', 'bulkhead-dev-api-ecs');
  expect(commands).toContain(`--services ${api.name}`);
  const task = named('aws_ecs_task_definition', api.name, 'family');
  expect(commands).toContain(`--task-definition ${task.family}`);
  const [container] = JSON.parse(String(task.container_definitions));
  const [, overrides = ''] = /--overrides '(.*?)'/.exec(commands) ?? [];
  expect(JSON.parse(overrides).containerOverrides).toEqual([
    { name: container.name, command: ['node', 'main.js', 'owner-link'] },
  ]);
  // Else the command would be an argument of it.
  expect(container.entryPoint).toBeUndefined();
  expect(commands).toContain(`--cluster ${one(service, 'aws_ecs_cluster').name} `);
  const logs = named('aws_cloudwatch_log_group', '/bulkhead-dev/api');
  expect(commands).toContain(`aws logs tail ${logs.name} `);
});
