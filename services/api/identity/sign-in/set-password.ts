/** Setting a first password, or changing it. What a session without proof of the address sets, works where it does. */
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { routes } from '../../../shared/contract/routes.ts';
import { serve } from '../../../shared/http/http.ts';
import { ProblemError } from '../../../shared/http/problem.ts';
import { type Api, personOf } from '../../context.ts';
import { passwordsOf, sessionOf, whoIs } from '../me.ts';
import { placeholderEmail } from '../owner.ts';
import { lockPerson, release } from './proof.ts';

export function serveSetPassword(api: Api): void {
  const { app, db, limits, passwords } = api;

  serve(app, routes.setPassword, async ({ identity, body, request }) => {
    const personId = personOf(identity);
    const session = await sessionOf(api, request);
    if (!session) throw new ProblemError('unauthorized', 'Send a session cookie.');
    const { token, confinedTo } = session;
    const person = await db
      .selectFrom('people')
      .select(['email', 'operator'])
      .where('id', '=', personId)
      .executeTakeFirstOrThrow();
    const accounts = await db
      .selectFrom('accounts as a')
      .select(['a.password'])
      .where(passwordsOf(personId, confinedTo))
      .execute();
    if (accounts.length > 0) {
      const opened = await limits.password(person.email, () => passwords.opened(accounts, body.current_password ?? ''));
      if (opened.length === 0) throw new ProblemError('forbidden', 'current_password is not your password.');
    }
    const email = body.email?.toLowerCase();
    if (email !== undefined && email !== person.email) await assertMayTakeEmail(api, identity.operator, person, email);
    const password = await passwords.hash(body.new_password);

    await db.transaction().execute(async (trx) => {
      await lockPerson(trx, personId);
      // Hashing takes a while: a proof of the address may have ended this session meanwhile.
      const still = await trx
        .selectFrom('sessions')
        .select('id')
        .where('token', '=', token)
        .where(sql<boolean>`confined_to is not distinct from ${confinedTo && [...confinedTo]}::uuid[]`)
        .executeTakeFirst();
      if (!still) throw new ProblemError('unauthorized', 'The session has ended. Sign in again.');
      const { name } = body;
      if (confinedTo === null) {
        const moved = email !== undefined && email !== person.email;
        await trx
          .updateTable('people')
          .set({
            ...(moved && { email, email_verified: false }),
            ...(name !== undefined && { name }),
            updated_at: new Date(),
          })
          .where('id', '=', personId)
          .execute();
        await trx
          .deleteFrom('accounts')
          .where('person_id', '=', personId)
          .where('provider_id', '=', 'credential')
          .where('confined_to', 'is', null)
          .execute();
        // Whoever else was signed in as this person is not any more.
        await trx.deleteFrom('sessions').where('person_id', '=', personId).where('token', '<>', token).execute();
        // Links of tenants that wait for the person stay.
        await trx
          .deleteFrom('sign_in_links')
          .where('person_id', '=', personId)
          .where((or) =>
            or.or([
              or('member_id', 'is', null),
              or('member_id', 'in', or.selectFrom('members').select('id').where('accepted_at', 'is not', null)),
            ]),
          )
          .execute();
      } else {
        if (name !== undefined)
          await trx
            .updateTable('members')
            .set({ name })
            .where('person_id', '=', personId)
            .where('tenant_id', 'in', [...confinedTo])
            .execute();
        await release(trx, personId, confinedTo, token);
      }
      await trx
        .insertInto('accounts')
        .values({
          id: uuidv7(),
          account_id: personId,
          provider_id: 'credential',
          person_id: personId,
          password,
          confined_to: confinedTo && [...confinedTo],
        })
        .execute();
    });
    return whoIs(api, identity, confinedTo);
  });
}

/**
 * An address decides whom the company sign-in lets in as whom, so people cannot take one for themselves. Only the owner
 * of the installation, made without one at first start, sets their own.
 */
async function assertMayTakeEmail(
  { db }: Api,
  operator: boolean,
  person: { email: string },
  email: string,
): Promise<void> {
  if (!operator && person.email !== placeholderEmail)
    throw new ProblemError(
      'forbidden',
      `Your address is ${person.email}; only an admin can add you under another one.`,
    );
  const taken = await db.selectFrom('people').select('id').where('email', '=', email).executeTakeFirst();
  if (taken) throw new ProblemError('conflict', `The address ${email} is another person's.`);
}
