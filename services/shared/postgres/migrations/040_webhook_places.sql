-- A task says whose webhook it sends for: a worker leaves those of a tenant alone that has its share of the places.
create or replace function order_webhook_delivery() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
  perform graphile_worker.add_job('send_webhooks', json_build_object('webhookId', new.webhook_id),
    job_key := 'webhook:' || new.webhook_id,
    flags := (select array['tenant:' || tenant_id] from webhooks where id = new.webhook_id));
  return null;
end $$;
