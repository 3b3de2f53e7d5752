#en: Direct send: mail to one's own tenant without a login. Nothing is set up; this shows what stands against it.
#ja: ダイレクト送信: 認証なしで自テナント宛てに送信します。設定は不要で、送信を妨げる設定の有無を確認します。
#en: -Reject refuses it for the whole organisation (after a connector is there); -Undo allows it again. Up to 30 minutes to spread.
#ja: -Reject で組織全体のダイレクト送信を拒否します（コネクタの作成後に実行）。-Undo で再び許可します。反映まで最大 30 分かかります。
#src: learn.microsoft.com, Set-OrganizationConfig (RejectDirectSend); MC1093237
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo, [switch]$Reject)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$Domains = <<domains[]>>
<<guard>>
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false
if ($Undo) { Set-OrganizationConfig -RejectDirectSend $false }
elseif ($Reject) { Set-OrganizationConfig -RejectDirectSend $true }
Get-OrganizationConfig | Format-List RejectDirectSend
foreach ($domain in $Domains) { Resolve-DnsName -Name $domain -Type MX | Format-Table Name, NameExchange, Preference }
Get-InboundConnector | Format-Table Name, Enabled, ConnectorType, SenderIPAddresses, TlsSenderCertificateName
