/* A stand-in for vigie-agent.exe, for installers that are built where no Windows is. It collects
   nothing and reaches nobody: as a service it starts and stops, and for the installer's other
   commands it leaves, or removes, the files that the agent would. ADR 0049. */
#define WIN32_LEAN_AND_MEAN
#include <stdio.h>
#include <string.h>
#include <windows.h>

static SERVICE_STATUS_HANDLE service;
static HANDLE stopped;

static void tell(DWORD state) {
    SERVICE_STATUS status = {SERVICE_WIN32_OWN_PROCESS, state, SERVICE_ACCEPT_STOP, 0, 0, 0, 0};
    SetServiceStatus(service, &status);
}

static DWORD WINAPI asked(DWORD control, DWORD kind, void *data, void *context) {
    if (control == SERVICE_CONTROL_STOP) {
        tell(SERVICE_STOP_PENDING);
        SetEvent(stopped);
    }
    return NO_ERROR;
}

static void WINAPI serve(DWORD count, char **words) {
    stopped = CreateEventA(NULL, TRUE, FALSE, NULL);
    service = RegisterServiceCtrlHandlerExA("vigie-agent", asked, NULL);
    tell(SERVICE_RUNNING);
    WaitForSingleObject(stopped, INFINITE);
    tell(SERVICE_STOPPED);
}

static void write_line(const char *folder, const char *name, const char *how, const char *text) {
    char path[MAX_PATH];
    snprintf(path, sizeof path, "%s\\%s", folder, name);
    FILE *file = fopen(path, how);
    if (file) {
        fprintf(file, "%s\n", text);
        fclose(file);
    }
}

int main(int count, char **words) {
    SERVICE_TABLE_ENTRYA table[] = {{"vigie-agent", serve}, {NULL, NULL}};
    char folder[MAX_PATH], token[MAX_PATH];
    const char *command = count > 2 ? words[2] : "";
    snprintf(folder, sizeof folder, "%s\\Vigie", getenv("PROGRAMDATA"));
    snprintf(token, sizeof token, "%s\\enrolment-token", folder);
    puts("stand-in for vigie-agent: collects nothing");
    if (count < 3 || strcmp(words[1], "service")) return 1;
    if (!strcmp(command, "run")) return StartServiceCtrlDispatcherA(table) ? 0 : 1;
    if (!strcmp(command, "forget")) {
        char path[MAX_PATH];
        DeleteFileA(token);
        snprintf(path, sizeof path, "%s\\stand-in.log", folder);
        DeleteFileA(path);
        return !RemoveDirectoryA(folder);
    }
    CreateDirectoryA(folder, NULL);
    write_line(folder, "stand-in.log", "a", command);
    for (int number = 3; number < count; number++)
        if (!strncmp(words[number], "--token=", 8)) write_line(folder, "enrolment-token", "w", words[number] + 8);
    return 0;
}
