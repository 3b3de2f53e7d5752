#en: Relay to the tenant's MX by an inbound connector: known by a public IPv4 address or by a certificate.
#ja: 受信コネクタによるテナントの MX への中継: グローバル IPv4 アドレスまたは証明書で識別します。
#en: The exact combination of parameters is not shown by Microsoft; each is documented. Undo: -Undo deletes the connector.
#ja: パラメーターの組み合わせそのものは Microsoft の文書に例がありません（個々のパラメーターは文書化されています）。元に戻す: -Undo でコネクタを削除します。
#src: learn.microsoft.com, New-InboundConnector; How to set up a multifunction device or application to send email
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$Name = <<connector>>
$Addresses = <<addresses[]?>>
$CertificateName = <<certificate_name?>>
<<guard>>
if (-not $Addresses -and -not $CertificateName) { throw 'Fill in an address or a certificate name first.' }
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false
$known = Get-InboundConnector -Identity $Name -ErrorAction SilentlyContinue
if ($Undo) {
    if ($known) { Remove-InboundConnector -Identity $Name -Confirm:$false }
    return
}
#en: Only a connector of type OnPremises may relay to the internet.
#ja: インターネットへ中継できるのは、種類が OnPremises のコネクタのみです。
$by = if ($CertificateName) { @{ TlsSenderCertificateName = $CertificateName } } else { @{ SenderIPAddresses = $Addresses } }
if ($known) { Set-InboundConnector -Identity $Name -RequireTls $true @by }
else { $null = New-InboundConnector -Name $Name -ConnectorType OnPremises -SenderDomains '*' -RequireTls $true @by }
Get-InboundConnector -Identity $Name | Format-List Name, Enabled, ConnectorType, SenderIPAddresses, TlsSenderCertificateName, RequireTls
#en: DNS: v=spf1 ip4:ADDRESS include:spf.protection.outlook.com ~all. Firewall: 25/tcp outwards.
#ja: DNS: v=spf1 ip4:アドレス include:spf.protection.outlook.com ~all。ファイアウォール: 外向き 25/tcp。
