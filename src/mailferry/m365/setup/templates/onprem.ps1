#en: On-premises Exchange: a receive connector that relays for the gateway's address alone. Run it in the Exchange Management Shell.
#ja: オンプレミスの Exchange: ゲートウェイのアドレスだけに中継を許可する受信コネクタ。Exchange 管理シェルで実行します。
#en: Whoever sends from these addresses relays anywhere: name single hosts, not networks. Undo: -Undo deletes the connector.
#ja: 指定したアドレスからは、あらゆる宛先へ中継できます。ネットワークではなく個々のホストを指定してください。元に戻す: -Undo でコネクタを削除します。
#src: learn.microsoft.com, Allow anonymous relay on Exchange servers
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$Server = <<server>>
$Name = <<connector>>
$Addresses = <<addresses[]>>
<<guard>>
$identity = "$Server\$Name"
$known = Get-ReceiveConnector -Identity $identity -ErrorAction SilentlyContinue
if ($Undo) {
    if ($known) { Remove-ReceiveConnector -Identity $identity -Confirm:$false }
    return
}
if ($known) { Set-ReceiveConnector -Identity $identity -RemoteIPRanges $Addresses }
else { $null = New-ReceiveConnector -Server $Server -Name $Name -TransportRole FrontendTransport -Custom -Bindings '0.0.0.0:25' -RemoteIPRanges $Addresses }
Set-ReceiveConnector -Identity $identity -PermissionGroups AnonymousUsers -ProtocolLoggingLevel Verbose
$null = Get-ReceiveConnector -Identity $identity | Add-ADPermission -User 'NT AUTHORITY\ANONYMOUS LOGON' -ExtendedRights 'Ms-Exch-SMTP-Accept-Any-Recipient'
Get-ReceiveConnector -Identity $identity | Format-List Name, Bindings, RemoteIPRanges, PermissionGroups
