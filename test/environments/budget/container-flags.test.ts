import { expect, test } from '@jest/globals';
import { containerFlags } from '../../../environments/budget/container-flags.ts';

test('a container gets its budget and nothing beside it', () => {
  expect(containerFlags({ vcpu: 0.4, memoryMiB: 1536, tmpMiB: 64, stopTimeoutMs: 119_500 })).toEqual([
    '--cpus=0.4',
    '--memory=1536m',
    '--memory-swap=1536m',
    '--pids-limit=256',
    '--read-only',
    '--tmpfs=/tmp:rw,nosuid,nodev,size=64m',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    '--stop-timeout=120',
  ]);
});
