import { expect, test } from '@jest/globals';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { serviceSettings } from '../../../environments/wiring/settings.ts';
import { sample } from '../sample.ts';

test('a governor protects the model that is asked by default, with as many slots as its placement says', () => {
  const environment = resolveEnvironment(
    sample({
      models: [
        { name: 'a', url: 'http://gpu:8000/v1/', contextTokens: 8000, maxInFlight: 4 },
        { name: 'b', url: 'https://api.example.com/v1', contextTokens: 8000 },
      ],
      tiers: { governor: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, maxInFlight: 8 } } as never,
    }),
  );
  const of = (name: 'governor' | 'chat') => {
    const [placement] = environment.tiers[name] ?? [];
    if (!placement) throw new Error(`no ${name}`);
    return serviceSettings(environment, name, placement);
  };
  expect(of('governor')).toMatchObject({
    GOVERNOR_BACKEND_URL: 'http://gpu:8000/v1/chat/completions',
    GOVERNOR_MAX_IN_FLIGHT: '8',
    PORT: '8008',
  });
  expect(of('chat').GOVERNOR_BACKEND_URL).toBe('http://gpu:8000/v1/chat/completions');
  expect(JSON.parse(of('chat').MODELS ?? '')).toMatchObject([{ maxInFlight: 4 }, {}]);
});
