// SPDX-License-Identifier: Apache-2.0
/*
 * The store on a local disk. What is published was flushed first, so that a name never points at half a file,
 * not even after a power cut: write, fsync, rename, fsync the folder.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sizes.h"
#include "store/store.h"

static enum pom_status fail_errno(struct pom_error *err, const char *what, const char *path)
{
    int code = errno;
    if (code == ENOENT || code == ENOTDIR)
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "cannot %s %s: no such file or folder", what,
                         path);
    if (code == EACCES || code == EPERM)
        return pomi_fail(err, POM_ERROR_IO, "unreadable", "cannot %s %s: permission denied", what, path);
    if (code == ENOSPC || code == EDQUOT)
        return pomi_fail(err, POM_ERROR_IO, "disk_full",
                         "cannot %s %s: no space left on the device; free some and run again with --resume",
                         what, path);
    return pomi_fail(err, POM_ERROR_IO, "io", "cannot %s %s: %s", what, path, strerror(code));
}

/* The folder part of `path`, "." when it has none; the caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

char *pomi_store_join(const char *folder, const char *format, ...)
{
    char *name = NULL, *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&name, format, arguments);
    va_end(arguments);
    if (length < 0) return NULL;
    size_t folder_bytes = strlen(folder);
    const char *separator = folder_bytes > 0 && folder[folder_bytes - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", folder, separator, name) < 0) path = NULL;
    free(name);
    return path;
}

bool pomi_store_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0;
}

bool pomi_store_is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static enum pom_status read_all(int file, const char *path, size_t max_bytes, struct pomi_bytes *bytes,
                                struct pom_error *err)
{
    struct stat facts;
    if (fstat(file, &facts) != 0) return fail_errno(err, "read", path);
    if (!S_ISREG(facts.st_mode))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "not_a_file", "cannot read %s: it is not a regular file",
                         path);
    if (facts.st_size < 0 || (uintmax_t)facts.st_size > max_bytes)
        return pomi_fail(err, POM_ERROR_LIMIT, "file_too_large", "%s has %jd bytes; the limit is %zu", path,
                         (intmax_t)facts.st_size, max_bytes);
    size_t expected_bytes = (size_t)facts.st_size;
    POMI_TRY(pomi_bytes_reserve(bytes, expected_bytes > 0 ? expected_bytes : 1, err));
    bytes->size_bytes = 0;
    while (bytes->size_bytes < expected_bytes) {
        ssize_t got = read(file, bytes->data + bytes->size_bytes, expected_bytes - bytes->size_bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(err, "read", path);
        if (got == 0) break; /* shortened while it was read: what is there is what there is */
        bytes->size_bytes += (size_t)got;
    }
    return POM_OK;
}

enum pom_status pomi_store_read(const char *path, size_t max_bytes, struct pomi_bytes *bytes,
                                struct pom_error *err)
{
    /* O_NONBLOCK: a FIFO among the photos must not hang the run; regular files do not care. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return fail_errno(err, "read", path);
    enum pom_status status = read_all(file, path, max_bytes, bytes, err);
    close(file);
    return status;
}

enum pom_status pomi_store_temporary(const char *path, char **temporary, struct pom_error *err)
{
    const char *slash = strrchr(path, '/');
    int folder_bytes = slash == NULL ? 0 : (int)(slash - path) + 1;
    const char *name = path + folder_bytes;
    if (asprintf(temporary, "%.*s.%s.tmp-%ld", folder_bytes, path, name, (long)getpid()) < 0) {
        *temporary = NULL; /* asprintf leaves it undefined, and callers free it */
        return pomi_fail_memory(err, strlen(path), "a file name");
    }
    return POM_OK;
}

static enum pom_status flush_folder_of(const char *path, struct pom_error *err)
{
    char *folder = folder_of(path);
    if (folder == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    int handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pom_status status = POM_OK;
    if (handle < 0) {
        status = fail_errno(err, "open", folder);
    } else {
        /* Some file systems cannot flush a folder and say EINVAL: the rename itself is still atomic there. */
        if (fsync(handle) != 0 && errno != EINVAL) status = fail_errno(err, "flush", folder);
        close(handle);
    }
    free(folder);
    return status;
}

enum pom_status pomi_store_publish(const char *temporary, const char *path, struct pom_error *err)
{
    int file = open(temporary, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) /* not the caller's mistake, as a wrong path would be */
        return pomi_fail(err, POM_ERROR_IO, "output_gone",
                         "%s was written and is gone: something else removes files there", temporary);
    if (file < 0) return fail_errno(err, "publish", temporary);
    enum pom_status status = fsync(file) == 0 ? POM_OK : fail_errno(err, "flush", temporary);
    close(file);
    POMI_TRY(status);
    if (rename(temporary, path) != 0) return fail_errno(err, "write", path);
    return flush_folder_of(path, err);
}

static enum pom_status write_all(int file, struct pomi_view content, const char *path, struct pom_error *err)
{
    for (size_t done = 0; done < content.size_bytes;) {
        ssize_t put = write(file, content.data + done, content.size_bytes - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(err, "write", path);
        done += (size_t)put;
    }
    return POM_OK;
}

enum pom_status pomi_store_write(const char *path, struct pomi_view content, struct pom_error *err)
{
    char *temporary = NULL;
    POMI_TRY(pomi_store_temporary(path, &temporary, err));
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    enum pom_status status = file < 0 ? fail_errno(err, "write", path) : write_all(file, content, path, err);
    if (file >= 0 && close(file) != 0 && status == POM_OK) status = fail_errno(err, "write", path);
    if (status == POM_OK) status = pomi_store_publish(temporary, path, err);
    if (status != POM_OK && file >= 0) unlink(temporary);
    free(temporary);
    return status;
}

enum pom_status pomi_store_make_folder(const char *path, struct pom_error *err)
{
    char *partial = strdup(path);
    if (partial == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    enum pom_status status = POM_OK;
    for (char *slash = partial + 1; status == POM_OK && slash[-1] != '\0'; slash++) {
        if (*slash != '/' && *slash != '\0') continue;
        char separator = *slash;
        *slash = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            status = fail_errno(err, "make the folder", partial);
        *slash = separator;
        if (separator == '\0') break;
    }
    if (status == POM_OK && !pomi_store_is_folder(path))
        status = pomi_fail(err, POM_ERROR_EXISTS, "not_a_folder", "%s is there and is not a folder", path);
    free(partial);
    return status;
}

enum pom_status pomi_store_remove(const char *path, struct pom_error *err)
{
    if (unlink(path) != 0 && errno != ENOENT) return fail_errno(err, "remove", path);
    return POM_OK;
}

enum pom_status pomi_store_remove_tree(const char *path, struct pom_error *err)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return errno == ENOENT ? POM_OK : fail_errno(err, "remove", path);
    enum pom_status status = POM_OK;
    for (struct dirent *item; status == POM_OK && (item = readdir(folder)) != NULL;) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        char *inside = pomi_store_join(path, "%s", item->d_name);
        struct stat facts;
        if (inside == NULL) {
            status = pomi_fail_memory(err, strlen(path), "a file name");
        } else if (lstat(inside, &facts) == 0 && S_ISDIR(facts.st_mode)) {
            status = pomi_store_remove_tree(inside, err); /* a link to a folder is only unlinked */
        } else {
            status = pomi_store_remove(inside, err);
        }
        free(inside);
    }
    closedir(folder);
    if (status == POM_OK && rmdir(path) != 0) status = fail_errno(err, "remove", path);
    return status;
}

struct pomi_store_lock {
    int file;
};

enum pom_status pomi_store_lock(struct pomi_store_lock **lock, const char *folder, struct pom_error *err)
{
    *lock = NULL;
    struct pomi_store_lock *made = malloc(sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "a lock");
    made->file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pom_status status = made->file < 0 ? fail_errno(err, "lock", folder) : POM_OK;
    if (status == POM_OK && flock(made->file, LOCK_EX | LOCK_NB) != 0)
        status =
            errno == EWOULDBLOCK
                ? pomi_fail(err, POM_ERROR_EXISTS, "locked",
                            "another pomona is writing to %s: wait for it or choose another output", folder)
                : fail_errno(err, "lock", folder);
    if (status != POM_OK) {
        pomi_store_unlock(made);
        return status;
    }
    *lock = made;
    return POM_OK;
}

void pomi_store_unlock(struct pomi_store_lock *lock)
{
    if (lock == NULL) return;
    if (lock->file >= 0) close(lock->file);
    free(lock);
}

/* --- listing --- */

/* The folders from the root of the walk down to the current one, by identity: a link back into one of them is
 * a loop. */
struct ancestor {
    const struct ancestor *parent;
    dev_t device;
    ino_t inode;
};

struct walk {
    bool (*keep)(void *user, const char *path);
    void *user;
    struct pomi_store_listing *listing;
    size_t capacity;
};

static enum pom_status add_entry(struct walk *walk, char *path, int64_t size_bytes, struct pom_error *err)
{
    struct pomi_store_listing *listing = walk->listing;
    if (listing->n_entries == walk->capacity) {
        size_t capacity = walk->capacity > 0 ? walk->capacity * 2 : 256, size;
        struct pomi_store_entry *grown =
            pomi_size_multiply(capacity, sizeof *grown, &size) ? realloc(listing->entries, size) : NULL;
        if (grown == NULL) return pomi_fail_memory(err, capacity, "the listing");
        listing->entries = grown;
        walk->capacity = capacity;
    }
    listing->entries[listing->n_entries++] = (struct pomi_store_entry){path, size_bytes};
    return POM_OK;
}

static enum pom_status walk_folder(struct walk *walk, const char *path, const struct ancestor *parent,
                                   struct pom_error *err);

static enum pom_status walk_item(struct walk *walk, char **path, const struct ancestor *self,
                                 struct pom_error *err)
{
    struct stat facts;
    if (stat(*path, &facts) != 0) {
        /* A dangling link that is asked for stays in the listing and fails as a photo: it must not disappear.
         */
        if (!walk->keep(walk->user, *path)) return POM_OK;
        facts = (struct stat){.st_mode = S_IFREG};
    }
    if (S_ISDIR(facts.st_mode)) return walk_folder(walk, *path, self, err);
    if (!walk->keep(walk->user, *path)) return POM_OK;
    POMI_TRY(add_entry(walk, *path, (int64_t)facts.st_size, err));
    *path = NULL;
    return POM_OK;
}

static enum pom_status walk_folder(struct walk *walk, const char *path, const struct ancestor *parent,
                                   struct pom_error *err)
{
    struct stat facts;
    DIR *folder = opendir(path);
    if (folder == NULL || fstat(dirfd(folder), &facts) != 0) {
        enum pom_status status = fail_errno(err, "list the folder", path);
        if (folder != NULL) closedir(folder);
        return status;
    }
    struct ancestor self = {parent, facts.st_dev, facts.st_ino};
    for (const struct ancestor *above = parent; above != NULL; above = above->parent) {
        if (above->device == self.device && above->inode == self.inode) {
            closedir(folder);
            return pomi_fail(
                err, POM_ERROR_IO, "symlink_loop",
                "%s is a symbolic link to one of its own parent folders: remove it or list another folder",
                path);
        }
    }
    enum pom_status status = POM_OK;
    for (struct dirent *item; status == POM_OK && (item = readdir(folder)) != NULL;) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        char *inside = pomi_store_join(path, "%s", item->d_name);
        status = inside == NULL ? pomi_fail_memory(err, strlen(path), "a file name")
                                : walk_item(walk, &inside, &self, err);
        free(inside);
    }
    closedir(folder);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct pomi_store_entry *)a)->path, ((const struct pomi_store_entry *)b)->path);
}

void pomi_store_listing_sort(struct pomi_store_listing *listing)
{
    if (listing->n_entries > 1)
        qsort(listing->entries, listing->n_entries, sizeof *listing->entries, by_path);
}

static bool keep_all(void *user, const char *path)
{
    (void)user;
    (void)path;
    return true;
}

enum pom_status pomi_store_list(const char *folder, bool (*keep)(void *user, const char *path), void *user,
                                struct pomi_store_listing *listing, struct pom_error *err)
{
    *listing = (struct pomi_store_listing){0};
    struct walk walk = {keep != NULL ? keep : keep_all, user, listing, 0};
    enum pom_status status = walk_folder(&walk, folder, NULL, err);
    if (status != POM_OK) {
        pomi_store_listing_release(listing);
        return status;
    }
    pomi_store_listing_sort(listing);
    return POM_OK;
}

void pomi_store_listing_release(struct pomi_store_listing *listing)
{
    for (size_t i = 0; i < listing->n_entries; i++) free(listing->entries[i].path);
    free(listing->entries);
    *listing = (struct pomi_store_listing){0};
}
