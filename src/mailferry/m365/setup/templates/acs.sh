#!/usr/bin/env bash
#en: Azure Communication Services Email: resources, domain, sender and role. Safe to run twice. az CLI with the communication extension.
#ja: Azure Communication Services Email: リソース、ドメイン、送信者名、ロールを作成します。再実行しても重複しません。az CLI と communication 拡張機能が必要です。
#en: Names of az commands as of 2026-11; Microsoft has announced changes to Communication Services (aka.ms/acs-retirement-and-breaking-changes-guide).
#ja: az コマンドの名称は 2026 年 11 月時点のものです。Microsoft は Communication Services の変更を予告しています (aka.ms/acs-retirement-and-breaking-changes-guide)。
#en: Undo: run it with the word undo; deletes both resources, and with them domain and sender.
#ja: 元に戻す: 引数 undo を付けて実行すると、両リソースをドメイン・送信者名ごと削除します。
#src: learn.microsoft.com, Create and manage Email Communication Service resources; Create credentials for SMTP authentication
set -euo pipefail
subscription=<<subscription>>
group=<<resource_group>>
location=<<data_location>>
service=<<acs_name>>
email=<<email_name>>
domain=<<domain>>
sender=<<sender>>
object_id=<<object_id>>
<<guard>>
az extension add --name communication --upgrade --yes
az account set --subscription "$subscription"
if [ "${1:-}" = undo ]; then
    az communication delete --name "$service" --resource-group "$group" --yes
    az communication email delete --name "$email" --resource-group "$group" --yes
    exit 0
fi
az communication email show --name "$email" --resource-group "$group" --only-show-errors > /dev/null 2>&1 ||
    az communication email create --name "$email" --resource-group "$group" --location global --data-location "$location"
az communication email domain show --domain-name "$domain" --email-service-name "$email" --resource-group "$group" > /dev/null 2>&1 ||
    az communication email domain create --domain-name "$domain" --email-service-name "$email" --resource-group "$group" \
        --location global --domain-management CustomerManaged
#en: These records belong into DNS; then the four verifications, each until it succeeds.
#ja: 次のレコードを DNS に登録し、続く 4 つの検証を、それぞれ成功するまで実行します。
az communication email domain show --domain-name "$domain" --email-service-name "$email" --resource-group "$group" --query verificationRecords
for kind in Domain SPF DKIM DKIM2; do
    az communication email domain initiate-verification --domain-name "$domain" --email-service-name "$email" \
        --resource-group "$group" --verification-type "$kind" || echo "not yet: $kind"
done
az communication email domain sender-username create --domain-name "$domain" --email-service-name "$email" \
    --resource-group "$group" --sender-username "$sender" --username "$sender"
id=$(az communication email domain show --domain-name "$domain" --email-service-name "$email" --resource-group "$group" --query id --output tsv)
az communication show --name "$service" --resource-group "$group" > /dev/null 2>&1 ||
    az communication create --name "$service" --resource-group "$group" --location global --data-location "$location" --linked-domains "$id"
az communication update --name "$service" --resource-group "$group" --linked-domains "$id"
scope=$(az communication show --name "$service" --resource-group "$group" --query id --output tsv)
az role assignment create --assignee-object-id "$object_id" --assignee-principal-type ServicePrincipal \
    --role 'Communication and Email Service Owner' --scope "$scope"
#en: Not yet documented for the command line: the SMTP username. Create it in the portal (SMTP Usernames) for this application.
#ja: コマンドラインでの作成方法は未公開: SMTP ユーザー名。ポータル（SMTP Usernames）で、このアプリケーションに対して作成してください。
