/** What the handlers of the api tier share. */
import type { Scheduler } from '../shared/contract/grant.ts';
import type { Database } from '../shared/database.ts';
import type { DocumentStore } from '../shared/document-store.ts';
import type { SettingsOf } from '../shared/env.ts';
import type { App } from '../shared/http.ts';
import type { Authenticate, Identity } from '../shared/identity.ts';
import type { Logger } from '../shared/log.ts';
import { ProblemError } from '../shared/problem.ts';
import type { ChangeListener } from './change-listener.ts';
import type { EventHub } from './event-hub.ts';
import type { InvitationLimits } from './invitations.ts';
import type { Mailer } from './mail.ts';
import type { Passwords } from './passwords.ts';
import type { SignIn } from './sign-in.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import type { TransferLimits } from './transfer-limits.ts';

export type ApiSettings = SettingsOf<'api'>;

export interface Api {
  readonly app: App;
  readonly db: Database;
  readonly store: DocumentStore;
  readonly settings: ApiSettings;
  readonly transfers: TransferLimits;
  readonly log: Logger;
  readonly signIn: SignIn;
  readonly limits: SignInLimits;
  readonly passwords: Passwords;
  readonly mailer: Mailer;
  readonly invitationLimits: InvitationLimits;
  /** For places in the queue; it may be away. */
  readonly scheduler: Pick<Scheduler, 'position'>;
  readonly changes: ChangeListener;
  readonly events: EventHub;
  readonly authenticate: Authenticate;
}

/** @throws ProblemError when a program asks for what only a person can have */
export function personOf(identity: Identity): string {
  if (!identity.personId) throw new ProblemError('forbidden', 'An API key asks; only a signed-in person can do this.');
  return identity.personId;
}
