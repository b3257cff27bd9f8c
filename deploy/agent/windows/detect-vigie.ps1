<#
.SYNOPSIS
Intune's detection rule: says that the Vigie agent is there, in the wanted release or a newer one.

.DESCRIPTION
Intune takes an application for installed where this ends with 0 and writes something. Write the
release that you deploy in the line below. Run it as a 64-bit process; 32-bit works too.
#>
$wanted = [version]'0.1.0'

$base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
$list = $base.OpenSubKey('SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall')
foreach ($name in $list.GetSubKeyNames()) {
    $entry = $list.OpenSubKey($name)
    if ($entry.GetValue('DisplayName') -eq 'Vigie Agent' -and $entry.GetValue('WindowsInstaller') -eq 1) {
        $installed = [version]$entry.GetValue('DisplayVersion')
        $service = Get-Service -Name 'vigie-agent' -ErrorAction SilentlyContinue
        if ($installed -ge $wanted -and $null -ne $service) {
            Write-Output "Vigie Agent $installed"
            exit 0
        }
    }
}
exit 1
