/** Commits of a replica that wait until the test lets them go: a process that is frozen, or an object store that is slow. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestServices } from '../../support/stores.ts';
import type { TestBrain } from './fixture.ts';

export function newCommitGate() {
  let shut = Promise.withResolvers<void>();
  let commits = 0;
  let atCommit: (number: number) => unknown = () => {};
  return {
    /** For the replica: passed by every commit. */
    pass: async () => {
      commits += 1;
      const number = commits;
      await shut.promise;
      await atCommit(number);
    },
    /** Those that have come to it, waiting or not. */
    get commits() {
      return commits;
    },
    reached: async (count = 1) => {
      while (commits < count) await sleep(5);
    },
    open: () => shut.resolve(),
    /** Who waits goes on, who comes next waits. */
    letThrough: () => {
      const { resolve } = shut;
      shut = Promise.withResolvers();
      resolve();
    },
    /** What a commit does when it has passed; counted from 1. */
    atCommit: (act: typeof atCommit) => {
      atCommit = act;
    },
    /** Shut, and counting from 1. */
    reset: () => {
      atCommit = () => {};
      commits = 0;
      shut = Promise.withResolvers();
    },
  };
}

/** Ends the connections that hold a writer's lock. */
export const loseLocks = ({ query }: TestServices) =>
  query(`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`);

/** A newer run has begun. */
export const raiseEpoch = ({ query }: TestServices, { documentId }: TestBrain, epoch: number) =>
  query('update documents set index_epoch = $1 where id = $2', [epoch, documentId]);
