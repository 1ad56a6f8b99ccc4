import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  allFargateSizes,
  type Budget,
  capacityOf,
  checkContainers,
  fargateSize,
  instanceFor,
  instancesIn,
  kubernetesResources,
  plainBudget,
} from '../../../environments/budget/budget.ts';
import { price, pricedRegions } from '../../../environments/pricing/prices/prices.ts';

const region = 'us-east-1';

describe('a Fargate size', () => {
  test('is every row of the table of AWS and nothing else', () => {
    const rows = Object.entries(Object.groupBy(allFargateSizes, ({ cpuUnits }) => cpuUnits)).map(
      ([units, sizes = []]) => [Number(units), sizes.length, sizes[0]?.memoryMiB, sizes.at(-1)?.memoryMiB],
    );
    expect(rows).toEqual([
      [256, 3, 512, 2048],
      [512, 4, 1024, 4096],
      [1024, 7, 2048, 8192],
      [2048, 13, 4096, 16_384],
      [4096, 23, 8192, 30_720],
      [8192, 12, 16_384, 61_440],
      [16_384, 12, 32_768, 122_880],
    ]);
  });

  test('is exactly what was asked for', () => {
    for (const { cpuUnits, memoryMiB } of allFargateSizes)
      expect(fargateSize({ vcpu: cpuUnits / 1024, memoryMiB })).toEqual({ cpuUnits, memoryMiB });
  });

  test.each([
    [
      { vcpu: 1, memoryMiB: 1024 },
      'no Fargate task has vcpu 1, memoryMiB 1024; allowed: with vcpu 1 memoryMiB 2048, 3072, 4096, 5120, 6144, 7168, 8192; nearest: vcpu 1, memoryMiB 2048',
    ],
    [
      { vcpu: 0.25, memoryMiB: 1536 },
      'no Fargate task has vcpu 0.25, memoryMiB 1536; allowed: with vcpu 0.25 memoryMiB 512, 1024, 2048; nearest: vcpu 0.25, memoryMiB 2048',
    ],
    [
      { vcpu: 8, memoryMiB: 18_432 },
      'allowed: with vcpu 8 memoryMiB 16384, 20480, 24576, 28672, 32768, 36864, 40960, 45056, 49152, 53248, 57344, 61440; nearest: vcpu 8, memoryMiB 20480',
    ],
    [
      { vcpu: 0.3, memoryMiB: 512 },
      'no Fargate task has vcpu 0.3, memoryMiB 512; allowed: vcpu 0.25, 0.5, 1, 2, 4, 8, 16; nearest: vcpu 0.5, memoryMiB 1024',
    ],
    [{ vcpu: 32, memoryMiB: 200_000 }, 'nearest: vcpu 16, memoryMiB 122880'],
  ])('%j is refused with the nearest that covers it', (budget, text) => {
    expect(() => fargateSize(budget)).toThrow(text);
  });

  test('named as nearest is valid itself', () => {
    fc.assert(
      fc.property(budgets, (budget) => {
        try {
          fargateSize(budget);
        } catch (error) {
          const [, vcpu, memoryMiB] = /nearest: vcpu ([\d.]+), memoryMiB (\d+)$/.exec((error as Error).message) ?? [];
          fargateSize({ vcpu: Number(vcpu), memoryMiB: Number(memoryMiB) });
        }
      }),
    );
  });
});

describe('an instance', () => {
  test.each([
    [{ vcpu: 0.2, memoryMiB: 576 }, 't4g.micro'],
    // One MiB more does not fit beside the system, a thousandth of a CPU more is not guaranteed.
    [{ vcpu: 0.2, memoryMiB: 577 }, 't4g.small'],
    [{ vcpu: 0.201, memoryMiB: 576 }, 't4g.small'],
    [{ vcpu: 0.4, memoryMiB: 1536 }, 't4g.small'],
    [{ vcpu: 0.5, memoryMiB: 1024 }, 'c7g.medium'],
    [{ vcpu: 1, memoryMiB: 2048 }, 'm7g.medium'],
    [{ vcpu: 2, memoryMiB: 4096 }, 'm7g.large'],
    [{ vcpu: 4, memoryMiB: 30_000 }, 'r7g.xlarge'],
  ])('for %j is %s', (budget, instanceType) => {
    expect(instanceFor(budget, region).instanceType).toBe(instanceType);
  });

  test('says what it gives, what it keeps, and why it was chosen', () => {
    expect(instanceFor({ vcpu: 0.4, memoryMiB: 1024 }, 'ap-northeast-2')).toEqual({
      instanceType: 't4g.small',
      vcpu: 2,
      guaranteedVcpu: 0.4,
      memoryMiB: 2048,
      reserveMiB: 512,
      architecture: 'arm64',
      reason:
        "cheapest in ap-northeast-2 for vcpu 0.4, memoryMiB 1024: t4g.small guarantees 0.4 vCPU (2 x 20 % baseline) and leaves 1536 of 2048 MiB after the system's 512; $0.0208 an hour",
    });
  });

  test('is of the architecture that images exist for', () => {
    expect(instanceFor({ vcpu: 0.4, memoryMiB: 1024 }, region, { architecture: 'x86_64' }).instanceType).toBe(
      't3.small',
    );
  });

  test('always covers the budget, and none that is cheaper does', () => {
    fc.assert(
      fc.property(budgets, fc.constantFrom(...pricedRegions), (budget, where) => {
        const offered = instancesIn(where);
        const fitting = offered.filter((type) => covers(capacityOf(type), budget));
        if (fitting.length === 0) {
          expect(() => instanceFor(budget, where)).toThrow(`no instance in ${where} carries`);
          return;
        }
        const chosen = instanceFor(budget, where);
        expect(chosen.guaranteedVcpu).toBeGreaterThanOrEqual(budget.vcpu);
        expect(chosen.memoryMiB - chosen.reserveMiB).toBeGreaterThanOrEqual(budget.memoryMiB);
        const hourly = (name: string) => price(`ec2/${name}`, where).amountUsd;
        for (const type of fitting) expect(hourly(chosen.instanceType)).toBeLessThanOrEqual(hourly(type.name));
      }),
    );
  });

  test('costs no less for more', () => {
    fc.assert(
      fc.property(smallBudgets, fc.double({ min: 1, max: 2, noNaN: true }), (budget, factor) => {
        const more = { vcpu: budget.vcpu * factor, memoryMiB: Math.ceil(budget.memoryMiB * factor) };
        const hourly = (given: Budget) => price(`ec2/${instanceFor(given, region).instanceType}`, region).amountUsd;
        expect(hourly(more)).toBeGreaterThanOrEqual(hourly(budget));
      }),
    );
  });

  test('that does not exist is refused with the largest and the nearest', () => {
    expect(() => instanceFor({ vcpu: 64, memoryMiB: 1024 }, region)).toThrow(
      'no instance in us-east-1 carries vcpu 64, memoryMiB 1024; the largest, r7g.4xlarge, leaves a tier vcpu 16, memoryMiB 122496; nearest: vcpu 16, memoryMiB 1024 and more replicas',
    );
  });

  test('in an unknown region is refused with the nearest', () => {
    expect(() => instanceFor({ vcpu: 1, memoryMiB: 1024 }, 'us-east-2')).toThrow(
      "no prices for region 'us-east-2'; allowed: us-east-1, ap-northeast-2, eu-central-1; nearest: 'us-east-1'",
    );
  });

  test('of an unknown architecture is refused', () => {
    const architecture = 'riscv' as 'arm64';
    expect(() => instanceFor({ vcpu: 1, memoryMiB: 1024 }, region, { architecture })).toThrow(
      "given architecture 'riscv'; allowed: x86_64, arm64",
    );
  });
});

describe('containers of a task', () => {
  const task = { vcpu: 0.3, memoryMiB: 1024 };

  test('may fill it exactly', () => {
    const containers = [
      { name: 'migrate', vcpu: 0.1, memoryMiB: 256 },
      { name: 'api', vcpu: 0.2, memoryMiB: 768 },
    ];
    expect(() => checkContainers(task, containers)).not.toThrow();
  });

  test('are refused with the arithmetic when they need more', () => {
    const containers = [
      { name: 'api', vcpu: 0.2, memoryMiB: 1024 },
      { name: 'log-router', vcpu: 0.1, memoryMiB: 128 },
    ];
    expect(() => checkContainers(task, containers)).toThrow(
      'containers need memoryMiB 1024 (api) + 128 (log-router) = 1152, the task has 1024; raise the task to at least 1152 or lower its containers by 128',
    );
    expect(() => checkContainers({ vcpu: 0.25, memoryMiB: 2048 }, containers)).toThrow(
      'containers need vcpu 0.2 (api) + 0.1 (log-router) = 0.3, the task has 0.25; raise the task to at least 0.3 or lower its containers by 0.05',
    );
  });
});

describe('Kubernetes resources', () => {
  test.each([
    [
      { vcpu: 0.5, memoryMiB: 1024 },
      { cpu: '500m', memory: '1024Mi' },
    ],
    [
      { vcpu: 2, memoryMiB: 300 },
      { cpu: '2000m', memory: '300Mi' },
    ],
    [
      { vcpu: 0.001, memoryMiB: 1 },
      { cpu: '1m', memory: '1Mi' },
    ],
  ])('of %j are %j', (budget, resources) => {
    expect(kubernetesResources(budget)).toEqual(resources);
  });

  test.each([
    [0.0004, 'given vcpu 0.0004; allowed on Kubernetes: whole thousandths; nearest: 0.001'],
    [0.3333, 'given vcpu 0.3333; allowed on Kubernetes: whole thousandths; nearest: 0.333'],
  ])('of vcpu %d are refused', (vcpu, text) => {
    expect(() => kubernetesResources({ vcpu, memoryMiB: 512 })).toThrow(text);
  });
});

describe('what is not a plain number is refused everywhere', () => {
  // As cdktf encodes numbers that Terraform will know: negative doubles of this size.
  const token = -1.888154589709072e289;
  const functions = [
    fargateSize,
    (budget: Budget) => instanceFor(budget, region),
    kubernetesResources,
    (budget: Budget) => checkContainers(budget, []),
    (budget: Budget) => checkContainers({ vcpu: 1, memoryMiB: 2048 }, [{ name: 'api', ...budget }]),
  ];

  test.each([
    [{ vcpu: Number.NaN, memoryMiB: 512 }, /vcpu NaN; allowed: a finite number above 0/],
    [{ vcpu: Number.POSITIVE_INFINITY, memoryMiB: 512 }, /vcpu Infinity; allowed: a finite number above 0/],
    [{ vcpu: -1, memoryMiB: 512 }, /vcpu -1; allowed: a finite number above 0/],
    [{ vcpu: 0, memoryMiB: 512 }, /vcpu 0; allowed: a finite number above 0/],
    [{ vcpu: '1' as unknown as number, memoryMiB: 512 }, /vcpu 1; allowed: a finite number above 0/],
    [{ vcpu: 1, memoryMiB: 512.5 }, /memoryMiB 512.5; allowed: whole MiB; nearest: 513/],
    [{ vcpu: token, memoryMiB: 512 }, /vcpu is a token that only Terraform can resolve; write a plain number/],
    [{ vcpu: 1, memoryMiB: token }, /memoryMiB is a token that only Terraform can resolve; write a plain number/],
  ])('%j', (budget, text) => {
    for (const decide of functions) expect(() => decide(budget)).toThrow(text);
  });

  test('and names whose number it was', () => {
    expect(() => plainBudget({ vcpu: 1, memoryMiB: 0 }, 'chat')).toThrow('given chat.memoryMiB 0');
  });
});

const budgets: fc.Arbitrary<Budget> = fc.record({
  vcpu: fc.integer({ min: 1, max: 20_000 }).map((milli) => milli / 1000),
  memoryMiB: fc.integer({ min: 1, max: 150_000 }),
});

/** Twice of these still fits on an instance. */
const smallBudgets: fc.Arbitrary<Budget> = fc.record({
  vcpu: fc.integer({ min: 1, max: 8000 }).map((milli) => milli / 1000),
  memoryMiB: fc.integer({ min: 1, max: 60_000 }),
});

const covers = (capacity: Budget, budget: Budget): boolean =>
  capacity.vcpu >= budget.vcpu && capacity.memoryMiB >= budget.memoryMiB;
