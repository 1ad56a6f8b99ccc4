/** The people of the tenant and their roles. */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { InvitedMember, Member, Role } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { type BodyAt, call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { everything, useChange, useMe } from '../data/queries.ts';
import { Button } from '../parts/button.tsx';
import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Field, inputLook, textOf } from '../parts/field.tsx';
import { Plus, Send, Trash2 } from '../parts/icons.tsx';
import { Failure, LoadError, reasonOf, Skeleton } from '../parts/states.tsx';
import { Secret } from './secret.tsx';

const roles: readonly Role[] = ['owner', 'admin', 'member', 'viewer'];

export default function Members() {
  const copy = useCopy();
  const { data: me } = useMe();
  const {
    data: members,
    error,
    refetch,
  } = useQuery({
    queryKey: keys.members,
    queryFn: () => everything((query) => call('GET /v1/members', { query })),
    staleTime: 0,
  });
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const [invited, setInvited] = useState<InvitedMember | null>(null);
  const change = useChange(
    ({ id, role }: { id: string; role: Role }) =>
      call('PATCH /v1/members/{member}', { params: { member: id }, body: { role } }),
    [keys.members],
  );
  const invite = useChange(
    (id: string) => call('POST /v1/members/{member}:invite', { params: { member: id } }),
    [keys.members],
  );
  const remove = useChange(
    (id: string) => call('DELETE /v1/members/{member}', { params: { member: id } }),
    [keys.members],
  );
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!members || !me) return <Skeleton />;
  const administers = me.role === 'owner' || me.role === 'admin';
  // An admin makes nobody an owner.
  const given = me.role === 'owner' ? roles : roles.slice(1);
  const failure = change.error ?? remove.error ?? invite.error;
  return (
    <>
      <ul className="mb-6 divide-y divide-line border-y border-line">
        {members.map((member) => (
          <li key={member.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3">
            <div className="min-w-0 flex-1 basis-48">
              <p className="truncate font-semibold">{member.name}</p>
              <p className="truncate text-xs text-muted">{member.email}</p>
              {!member.accepted_at && <p className="text-xs text-warn">{copy.settings.invitePending}</p>}
            </div>
            {administers && member.person_id !== me.person?.id && (me.role === 'owner' || member.role !== 'owner') ? (
              <>
                <RoleSelect
                  label={copy.settings.roleOf(member.name)}
                  value={member.role}
                  roles={given}
                  onChange={(role) => change.mutate({ id: member.id, role })}
                />
                {!member.accepted_at && (
                  <Button
                    look="quiet"
                    size="icon"
                    aria-label={copy.settings.inviteAgain(member.name)}
                    disabled={invite.isPending}
                    onClick={() => invite.mutate(member.id, { onSuccess: setInvited })}
                  >
                    <Send size={16} aria-hidden="true" />
                  </Button>
                )}
                <Button
                  look="quiet"
                  size="icon"
                  aria-label={copy.settings.removeMember(member.name)}
                  onClick={() => setRemoving(member)}
                >
                  <Trash2 size={16} aria-hidden="true" />
                </Button>
              </>
            ) : (
              <span className="text-muted">{copy.settings.roles[member.role]}</span>
            )}
          </li>
        ))}
      </ul>
      {failure && (
        <div className="mb-4">
          <Failure>{reasonOf(failure, copy)}</Failure>
        </div>
      )}
      {invited?.invitation === 'mailed' && (
        <p role="status" className="mb-4">
          {copy.settings.inviteMailed(invited.email)}
        </p>
      )}
      {invited?.invitation === 'mail-failed' && (
        <div className="mb-4">
          <Failure>{copy.settings.inviteFailed(invited.email)}</Failure>
        </div>
      )}
      {administers && (
        <Button look="primary" onClick={() => setAdding(true)}>
          <Plus size={18} aria-hidden="true" />
          {copy.settings.addMember}
        </Button>
      )}
      {adding && (
        <AddMember
          roles={given}
          onClose={() => setAdding(false)}
          onAdded={(member) => {
            setAdding(false);
            setInvited(member);
          }}
        />
      )}
      {invited?.sign_in_token && (
        <Secret
          title={copy.settings.inviteTitle}
          body={copy.settings.inviteBody}
          secret={`${location.origin}/sign-in#token=${invited.sign_in_token}`}
          onClose={() => setInvited(null)}
        />
      )}
      <Confirm
        open={removing !== null}
        title={copy.settings.removeTitle(removing?.name ?? '')}
        body={copy.settings.removeBody}
        action={copy.common.remove}
        onConfirm={() => removing && remove.mutate(removing.id)}
        onClose={() => setRemoving(null)}
      />
    </>
  );
}

interface AddMemberProps {
  readonly roles: readonly Role[];
  readonly onClose: () => void;
  readonly onAdded: (member: InvitedMember) => void;
}

function AddMember({ roles: given, onClose, onAdded }: AddMemberProps) {
  const copy = useCopy();
  const [role, setRole] = useState<Role>('member');
  const add = useChange((body: BodyAt<'POST /v1/members'>) => call('POST /v1/members', { body }), [keys.members]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    add.mutate({ name: textOf(form, 'name'), email: textOf(form, 'email'), role }, { onSuccess: onAdded });
  };
  return (
    <Dialog open onClose={onClose} title={copy.settings.addMember}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={copy.settings.name} name="name" required maxLength={120} autoComplete="off" />
        <Field label={copy.signIn.email} name="email" type="email" required maxLength={254} autoComplete="off" />
        <div>
          <p className="mb-1.5 font-semibold">{copy.settings.role}</p>
          <RoleSelect label={copy.settings.role} value={role} roles={given} onChange={setRole} />
          <p className="mt-1.5 text-xs text-muted">{copy.settings.roleHelp[role]}</p>
        </div>
        {add.error && <Failure>{reasonOf(add.error, copy)}</Failure>}
        <div className="mt-2 flex justify-end gap-2">
          <Button onClick={onClose}>{copy.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={add.isPending}>
            {copy.settings.addMember}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface RoleSelectProps {
  readonly label: string;
  readonly value: Role;
  readonly roles: readonly Role[];
  readonly onChange: (role: Role) => void;
}

function RoleSelect({ label, value, roles: given, onChange }: RoleSelectProps) {
  const copy = useCopy();
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value as Role)}
      className={`${inputLook} h-9 w-auto!`}
    >
      {given.map((role) => (
        <option key={role} value={role}>
          {copy.settings.roles[role]}
        </option>
      ))}
    </select>
  );
}
