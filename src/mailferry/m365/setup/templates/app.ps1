#en: The application in Microsoft Entra under whose name the gateway sends. Creates it once; safe to run twice.
#ja: ゲートウェイが送信に使う Microsoft Entra のアプリケーションを登録します。再実行しても重複しません。
#en: Undo: -Undo deletes the application, and with it every permission it has.
#ja: 元に戻す: -Undo を付けて実行すると、アプリケーションと、その権限がすべて削除されます。
#src: learn.microsoft.com, New-MgApplication, New-MgServicePrincipal, Add-MgApplicationPassword
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo, [switch]$NewSecret)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$AppName = <<app_name>>
$Certificate = <<certificate?>>
<<guard>>
if (-not (Get-Module -ListAvailable Microsoft.Graph.Applications)) { Install-Module Microsoft.Graph.Applications -Scope CurrentUser }
Connect-MgGraph -TenantId $TenantId -Scopes 'Application.ReadWrite.All' -NoWelcome

$app = @(Get-MgApplication -All | Where-Object DisplayName -CEQ $AppName)
if ($app.Count -gt 1) { throw "There are $($app.Count) applications of that name; rename all but one." }
if ($Undo) {
    if ($app -and $PSCmdlet.ShouldProcess($AppName, 'delete the application')) { Remove-MgApplication -ApplicationId $app[0].Id }
    return
}
$app = if ($app) { $app[0] } else { New-MgApplication -DisplayName $AppName -SignInAudience AzureADMyOrg }
$sp = Get-MgServicePrincipal -Filter "appId eq '$($app.AppId)'"
if (-not $sp) { $sp = New-MgServicePrincipal -AppId $app.AppId }

#en: A certificate is safer than a secret: its private key never leaves the gateway. The file holds the certificate alone.
#ja: シークレットより証明書が安全です。秘密鍵はゲートウェイの外に出ません。ファイルには証明書だけを入れてください。
if ($Certificate) {
    $cert = [System.Security.Cryptography.X509Certificates.X509Certificate2]::new((Resolve-Path -LiteralPath $Certificate).Path)
    $known = @($app.KeyCredentials | Where-Object { $_.DisplayName -eq $cert.Thumbprint })
    if (-not $known) {
        $key = @{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $cert.RawData; DisplayName = $cert.Thumbprint }
        Update-MgApplication -ApplicationId $app.Id -KeyCredentials (@($app.KeyCredentials) + $key)
    }
}
if ($NewSecret) {
    $secret = Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{ DisplayName = 'mailferry'; EndDateTime = (Get-Date).AddMonths(12) }
    Write-Host "Client secret, shown this once, good until $($secret.EndDateTime):"
    $secret.SecretText
}
#en: client_id goes into the configuration; ObjectId (of the enterprise application, not of the registration) into the next script.
#ja: client_id は設定ファイルに、ObjectId（アプリの登録ではなくエンタープライズ アプリケーションのもの）は次のスクリプトに使います。
[pscustomobject]@{ client_id = $app.AppId; tenant_id = $TenantId; ObjectId = $sp.Id }
