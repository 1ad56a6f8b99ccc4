import { Gauge, type Registry } from 'prom-client';

/** A gauge that is read when `/metrics` is asked. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
